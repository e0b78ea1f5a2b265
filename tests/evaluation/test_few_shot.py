import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from adfair.errors import ConfigError
from adfair.evaluation import few_shot
from adfair.evaluation.few_shot import Budget, Rows, Splits, as_sampling, draw, learn, standardised

D = 12


def rows(seed: int, n: int = 200) -> Rows:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, (n, 2)).astype(float)
    emb = rng.standard_normal((n, D))
    emb[:, :2] += 1.5 * y
    return Rows(emb / np.linalg.norm(emb, axis=1, keepdims=True), y, 0.1 * rng.standard_normal((n, 2)))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return Splits(rows(0), rows(1), rows(2))


def test_linear_is_the_regression_with_the_best_penalty_on_validation(splits: Splits) -> None:
    scaled, taught = standardised(splits), np.arange(16)
    found = learn(splits, scaled, taught, 0)["linear"]
    y, best, values = scaled.train.labels[taught, 0], (-1.0, None), []
    for c in few_shot.PENALTIES:
        model = LogisticRegression(C=c, max_iter=500).fit(scaled.train.emb[taught], y)
        value = roc_auc_score(scaled.val.labels[:, 0], model.decision_function(scaled.val.emb))
        best = max(best, (value, model), key=lambda pair: pair[0])
        values.append(value)
        if len(values) > 2 and max(values[-2:]) <= max(values[:-2]):
            break
    np.testing.assert_allclose(found, best[1].decision_function(scaled.test.emb), atol=2e-2)


def test_tip_adapter_by_hand(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    taught = np.arange(10)
    found = learn(splits._replace(val=None), standardised(splits), taught, 1)["tip_adapter"]
    y = splits.train.labels[taught, 1] == 1
    for i in (0, 7):
        near = [np.exp(-5.5 * (1 - splits.test.emb[i] @ splits.train.emb[j])) for j in taught]
        added = np.mean([a for a, t in zip(near, y, strict=True) if t])
        added -= np.mean([a for a, t in zip(near, y, strict=True) if not t])
        assert found[i] == pytest.approx(splits.test.prior[i, 1] + added)
    monkeypatch.setattr(few_shot, "TRUST", (0.0,))
    alone = learn(splits, standardised(splits), taught, 1)["tip_adapter"]
    np.testing.assert_allclose(alone, splits.test.prior[:, 1])


def test_more_images_teach_more(splits: Splits) -> None:
    scaled, values = standardised(splits), []
    for k in (1, 16):
        each = []
        for seed in range(10):
            rng = np.random.default_rng(seed)
            taught = draw(splits.train.labels[:, 0], np.arange(200), None, Budget(shots=k), rng)
            scores = learn(splits, scaled, taught, 0)
            each.append([roc_auc_score(splits.test.labels[:, 0], s) for s in scores.values()])
        values.append(np.mean(each, axis=0))
    assert (values[1] > values[0] + 0.05).all()


def test_shots_are_what_was_asked_for_and_groups_take_turns() -> None:
    rng = np.random.default_rng(0)
    labels, patients = rng.choice([1, 0, -1, np.nan], 600), rng.integers(0, 300, 600)
    groups = np.repeat([0] * 9 + [1], 30)[patients]
    counts = []
    for _ in range(10):
        drawn = draw(labels, patients, groups, Budget(shots=8), rng)
        assert labels[drawn].tolist() == [1.0] * 8 + [0.0] * 8
        assert len(set(patients[drawn])) == 16
        assert np.bincount(groups[drawn[:8]]).tolist() == [4, 4]
        counts.append((groups[draw(labels, patients, None, Budget(shots=8), rng)] == 1).mean())
    assert np.mean(counts) < 0.3


def test_unknown_groups_come_last_and_a_group_that_runs_out_is_made_up_for() -> None:
    labels = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    groups = np.array([0, 0, 0, 1, -1, -1, 0, 0, 1, 1])
    drawn = draw(labels, np.arange(10), groups, Budget(shots=4), np.random.default_rng(0))
    assert sorted(drawn[:4].tolist()) == [0, 1, 2, 3]


def test_fractions_take_whole_patients() -> None:
    rng = np.random.default_rng(1)
    labels, patients = rng.integers(0, 2, 400).astype(float), np.repeat(np.arange(100), 4)
    drawn = draw(labels, patients, None, Budget(fraction=0.1), rng)
    assert np.unique(patients[drawn], return_counts=True)[1].tolist() == [4] * 10
    assert len(draw(labels, patients, None, Budget(fraction=1.0), rng)) == 400
    balanced = draw(labels, patients, (np.arange(400) >= 360).astype(int), Budget(fraction=0.1), rng)
    assert (balanced >= 360).mean() == 0.5


def test_too_few_is_a_reason() -> None:
    rng = np.random.default_rng(2)
    assert "fewer than 4" in draw(np.array([1, 1, 0, 0]), np.arange(4), None, Budget(shots=4), rng)
    assert "1% of the patients" in draw(np.zeros(100), np.arange(100), None, Budget(fraction=0.01), rng)
    with pytest.raises(ConfigError, match="group_balanced"):
        as_sampling("even")
    assert [b.name for b in few_shot.BUDGETS] == ["1", "2", "4", "8", "16", "32", "1%", "10%", "100%"]
