"""Few-shot and full linear probes against closed forms and scikit-learn."""

from math import erf

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from adfair.evaluation.linear_probe import (
    FEW_SHOT_C,
    FindingProbe,
    draw_shots,
    few_shot_auc,
    linear_probe_auc,
)

D = 32
FINDINGS = ["Edema", "Cardiomegaly"]


def gaussian(seed: int, n: int, *, distance: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings [n, D] with one direction a finding, labels [n, 2] in 0 and 1."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, (n, 2)).astype(float)
    emb = rng.standard_normal((n, D))
    emb[:, :2] += distance * labels
    return emb, labels


def test_few_shot_equals_a_direct_scikit_learn_computation() -> None:
    (a, ya), (b, yb) = gaussian(0, 400), gaussian(1, 300)
    result = few_shot_auc(a, ya, b, yb, findings=FINDINGS, shots=8, draws=3, replicates=0)
    x, t = ((e - a.mean(0)) / a.std(0) / np.sqrt(D) for e in (a, b))
    for f, name in enumerate(FINDINGS):
        for draw in range(3):
            rng = np.random.default_rng([0, draw, *name.encode()])
            rows = draw_shots(ya[:, f], np.arange(400), shots=8, rng=rng)
            model = LogisticRegression(C=FEW_SHOT_C).fit(x[rows], ya[rows, f])
            expected = roc_auc_score(yb[:, f], model.decision_function(t))
            assert result[f].aucs[draw] == pytest.approx(expected, abs=1e-3)
        assert result[f].value == pytest.approx(np.mean(result[f].aucs))
        assert result[f].metric == "few_shot_auc@8"


def test_the_spread_over_draws_that_the_interval_leaves_out_is_said() -> None:
    probe = FindingProbe("Edema", "few_shot_auc@16", 10, 5, 0.7, (0.6, 0.8), aucs=np.array([0.6, 0.8]))
    assert probe.row()["note"] == "interval for these 2 draws of images; standard deviation 0.1000 over draws"
    assert FindingProbe("Edema", "auc", 10, 5, 0.7, (0.6, 0.8), aucs=np.array([0.7])).row()["note"] == ""


def test_scores_reproduce_the_reported_aucs() -> None:
    (a, ya), (b, yb) = gaussian(2, 400), gaussian(3, 300)
    for r, y in zip(few_shot_auc(a, ya, b, yb, findings=FINDINGS, draws=4), yb.T, strict=True):
        assert r.scores is not None
        assert r.scores.shape == (4, 300)
        np.testing.assert_allclose(r.aucs, [roc_auc_score(y, s) for s in r.scores])
        assert r.ci[0] < r.value < r.ci[1]


def test_few_shot_auc_rises_with_shots_to_the_closed_form() -> None:
    # Under a strong penalty the weights are the difference w of two means of k shots. Standardising divides
    # the finding's column by its pooled sd s = sqrt(1 + d^2 / 4), so w ~ N(delta, 2 / k S) with delta = d / s
    # and S = 1 / s^2 there, 0 and 1 elsewhere. Scores are Gaussian in both classes, so the AUC is
    # E Phi(w.delta / sqrt(2 w'Sw)).
    (a, ya), (b, yb) = gaussian(4, 4000), gaussian(5, 4000)
    rng = np.random.default_rng(6)
    values = {
        k: few_shot_auc(a, ya, b, yb, findings=FINDINGS, shots=k, draws=20, replicates=0) for k in (4, 16, 64)
    }
    spread = np.ones(D)
    spread[0] = 1 / (1 + 1.5**2 / 4)
    delta = 1.5 * np.sqrt(spread[0])
    for k, results in values.items():
        w = rng.standard_normal((4000, D)) * np.sqrt(2 / k * spread)
        w[:, 0] += delta
        theory = np.mean(
            [(1 + erf(z / 2)) / 2 for z in delta * w[:, 0] / np.sqrt((w**2 * spread).sum(axis=1))]
        )
        assert np.mean([r.value for r in results]) == pytest.approx(theory, abs=0.03)
    means = [np.mean([r.value for r in results]) for results in values.values()]
    assert means == sorted(means)


def test_full_probe_reaches_the_closed_form() -> None:
    (a, ya), (v, yv), (b, yb) = gaussian(7, 4000), gaussian(8, 1000), gaussian(9, 4000)
    for r in linear_probe_auc(a, ya, v, yv, b, yb, findings=FINDINGS):
        assert r.value == pytest.approx((1 + erf(0.75)) / 2, abs=0.02)
        assert r.ci[0] < r.value < r.ci[1]


def test_full_probe_agrees_with_scikit_learn_at_a_fixed_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adfair.evaluation.linear_probe.CANDIDATES", ((False, 0.1),))
    (a, ya), (v, yv), (b, yb) = gaussian(10, 500), gaussian(11, 200), gaussian(12, 500)
    x, t = ((e - a.mean(0)) / a.std(0) for e in (a, b))
    for f, r in enumerate(linear_probe_auc(a, ya, v, yv, b, yb, findings=FINDINGS, replicates=0)):
        model = LogisticRegression(C=0.1, class_weight="balanced").fit(x, ya[:, f])
        np.testing.assert_allclose(r.scores[0], model.decision_function(t), atol=1e-6)


def test_uncertain_and_missing_labels_are_left_out() -> None:
    (a, ya), (b, yb) = gaussian(13, 400), gaussian(14, 300)
    ya[::3, 0], yb[::4, 0], yb[1::4, 0] = -1, -1, np.nan
    keep = np.isin(yb[:, 0], (0, 1))
    result = few_shot_auc(a, ya, b, yb, findings=FINDINGS, draws=2)[0]
    assert (result.n, result.n_positive) == (int(keep.sum()), int((yb[:, 0] == 1).sum()))
    assert result.scores is not None
    np.testing.assert_allclose(result.aucs, [roc_auc_score(yb[keep, 0], s[keep]) for s in result.scores])
    (v, yv) = gaussian(15, 200)
    full = linear_probe_auc(a, ya, v, yv, b, yb, findings=FINDINGS)[0]
    assert full.value == pytest.approx(roc_auc_score(yb[keep, 0], full.scores[0][keep]))


def test_a_draw_has_one_image_a_patient_and_the_labels_asked_for() -> None:
    rng = np.random.default_rng(16)
    patients = rng.integers(0, 60, 400)
    labels = rng.choice([1, 0, -1, np.nan], 400)
    for _ in range(20):
        rows = draw_shots(labels, patients, shots=16, rng=rng)
        assert rows is not None
        assert labels[rows].tolist() == [1.0] * 16 + [0.0] * 16
        assert len(set(patients[rows])) == 32


def test_draws_depend_on_the_seed_and_not_on_the_other_findings() -> None:
    (a, ya), (b, yb) = gaussian(17, 400), gaussian(18, 300)
    both = few_shot_auc(a, ya, b, yb, findings=FINDINGS, draws=2)
    alone = few_shot_auc(a, ya[:, 1:], b, yb[:, 1:], findings=FINDINGS[1:], draws=2)
    assert both[1] == alone[0]
    other = few_shot_auc(a, ya, b, yb, findings=FINDINGS, draws=2, seed=1)
    assert other[1].value != both[1].value


def test_too_few_shots_is_undefined_with_its_reason() -> None:
    (a, ya), (b, yb) = gaussian(19, 400), gaussian(20, 300)
    ya[:, 0] = 0
    ya[:15, 0] = 1
    undefined, defined = few_shot_auc(a, ya, b, yb, findings=FINDINGS, draws=2)
    assert np.isnan(undefined.value)
    assert "fewer than 16 patients" in undefined.row()["note"]
    assert defined.value > 0.5


def test_repeated_patients_do_not_count_as_shots() -> None:
    (a, ya), (b, yb) = gaussian(21, 400), gaussian(22, 300)
    result = few_shot_auc(a, ya, b, yb, findings=FINDINGS, train_patients=np.arange(400) % 20)
    assert all("fewer than 16 patients" in r.note for r in result)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_of_one_class_is_undefined_with_its_reason(split: str) -> None:
    data = {name: gaussian(seed, 200) for seed, name in enumerate(("train", "val", "test"))}
    data[split][1][:, 0] = 1
    arrays = [array for pair in data.values() for array in pair]
    result = linear_probe_auc(*arrays, findings=FINDINGS)
    assert np.isnan(result[0].value)
    assert f"the {split} split lacks" in result[0].note
    assert np.isfinite(result[1].value)
