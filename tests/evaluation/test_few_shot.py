import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from adfair.errors import ConfigError
from adfair.evaluation import few_shot
from adfair.evaluation.few_shot import Budget, as_sampling, draw, learn
from adfair.evaluation.splits import Rows, Splits, standardised

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


def test_more_images_teach_more(splits: Splits) -> None:
    scaled, values = standardised(splits), []
    for k in (1, 16):
        each = []
        for seed in range(10):
            rng = np.random.default_rng(seed)
            taught = draw(splits.train.labels[:, 0], np.arange(200), None, Budget(shots=k), rng)
            scores = learn(splits, scaled, {0: taught})
            each.append([roc_auc_score(splits.test.labels[:, 0], s[:, 0]) for s in scores.values()])
        values.append(np.mean(each, axis=0))
    assert (values[1] > values[0] + 0.05).all()


def test_findings_that_nothing_was_taught_of_have_no_scores(splits: Splits) -> None:
    for taught in ({1: np.arange(8)}, {}):
        for scores in learn(splits, standardised(splits), taught).values():
            assert np.isfinite(scores).all(axis=0).tolist() == [False, 1 in taught]


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
