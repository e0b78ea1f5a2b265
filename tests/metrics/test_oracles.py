"""2,000 generated cases against scikit-learn, fairlearn and fairmedfm where the conventions coincide."""

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn import metrics as sk

from adfair import metrics as ours

fairlearn = pytest.importorskip("fairlearn.metrics")
fairmedfm = pytest.importorskip("fairmedfm.metrics")

CASES = 2000
CLOSE = {"rtol": 0, "atol": 1e-12}


def cases() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Labels, probabilities (ties in every second case), groups, weights; both classes in every group."""
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        n, groups = int(rng.integers(20, 120)), int(rng.integers(2, 5))
        a = rng.integers(0, groups, n)
        y = (rng.random(n) < rng.uniform(0.2, 0.8)).astype(int)
        a[: 2 * groups], y[: 2 * groups] = np.arange(2 * groups) % groups, np.arange(2 * groups) // groups
        s = np.clip(rng.normal(0.35 + 0.3 * y, 0.25), 0, 1)
        s = np.round(s, 1) + 0.003 if seed % 2 else s
        yield y, np.minimum(s, 1.0), a, rng.integers(0, 4, n)


def test_ranking_and_calibration_agree_with_scikit_learn() -> None:
    for y, s, _, w in cases():
        w[[np.argmax(y), np.argmin(y)]] = 1
        np.testing.assert_allclose(ours.auc(y, s), sk.roc_auc_score(y, s), **CLOSE)
        weighted = sk.roc_auc_score(y, s, sample_weight=w)
        np.testing.assert_allclose(ours.auc(y, s, weights=w), weighted, **CLOSE)
        np.testing.assert_allclose(ours.auprc(y, s), sk.average_precision_score(y, s), **CLOSE)
        weighted = sk.average_precision_score(y, s, sample_weight=w)
        np.testing.assert_allclose(ours.auprc(y, s, weights=w), weighted, **CLOSE)
        np.testing.assert_allclose(ours.brier(y, s), sk.brier_score_loss(y, s), **CLOSE)


def test_rates_agree_with_scikit_learn() -> None:
    for y, s, _, _ in cases():
        p = ours.apply_threshold(s, 0.5)
        got = ours.rates(y, p)
        tn, fp, fn, tp = sk.confusion_matrix(y, p, labels=[0, 1]).ravel()
        np.testing.assert_allclose(got["tpr"], sk.recall_score(y, p), **CLOSE)
        np.testing.assert_allclose(got["fpr"], fp / (fp + tn), **CLOSE)
        np.testing.assert_allclose(got["accuracy"], sk.accuracy_score(y, p), **CLOSE)
        if tp + fp:
            np.testing.assert_allclose(got["ppv"], sk.precision_score(y, p), **CLOSE)
        if tn + fn:
            np.testing.assert_allclose(got["npv"], tn / (tn + fn), **CLOSE)


def test_gaps_agree_with_fairlearn() -> None:
    pairs = [
        (ours.demographic_parity_difference, fairlearn.demographic_parity_difference),
        (ours.equalized_odds_difference, fairlearn.equalized_odds_difference),
    ]
    for k, (y, s, a, _) in enumerate(cases()):
        p = ours.apply_threshold(s, 0.5)
        for mine, theirs in pairs:
            expected = theirs(y, p, sensitive_features=a)
            np.testing.assert_allclose(mine(y, p, sensitive_features=a), expected, **CLOSE)
        if k % 4 == 0:
            mean = fairlearn.equalized_odds_difference(y, p, sensitive_features=a, agg="mean")
            got = ours.equalized_odds_difference_mean(y, p, sensitive_features=a)
            np.testing.assert_allclose(got, mean, **CLOSE)
            ratio = fairlearn.demographic_parity_ratio(y, p, sensitive_features=a)
            got = ours.demographic_parity_ratio(y, p, sensitive_features=a)
            np.testing.assert_allclose(got, ratio, **CLOSE)


def test_gaps_agree_with_fairmedfm() -> None:
    for k, (y, s, a, _) in enumerate(cases()):
        group = a.astype(str)
        overall, reports = fairmedfm._threshold_reports(
            s, y, group, wanted={"auc", "tpr@best_f1", "tnr@best_f1", "acc"}
        )
        aucs, tpr, tnr = ([r[key] for r in reports.values()] for key in ("auc", "tpr@best_f1", "tnr@best_f1"))
        by = {"sensitive_features": group}
        np.testing.assert_allclose(ours.auc_gap(y, s, **by), max(aucs) - min(aucs), **CLOSE)
        np.testing.assert_allclose(ours.worst_group_auc(y, s, **by), min(aucs), **CLOSE)
        # No score is exactly 0.5, so their ``>`` and our ``>=`` coincide there, and only there.
        np.testing.assert_allclose(ours.rates(y, (s >= 0.5).astype(int))["accuracy"], overall["acc"], **CLOSE)
        p = (s > fairmedfm.find_threshold(s, y)).astype(int)
        eod = 1 - (max(tpr) - min(tpr) + max(tnr) - min(tnr)) / 2
        np.testing.assert_allclose(1 - ours.equalized_odds_difference_mean(y, p, **by), eod, **CLOSE)
        np.testing.assert_allclose(
            ours.equal_opportunity_difference(y, p, **by), max(tpr) - min(tpr), **CLOSE
        )
        if k % 100 == 0:
            whole = fairmedfm.classification_fairness(s, y, group)["summary"]
            np.testing.assert_allclose(ours.auc_gap(y, s, **by), whole["auc-gap"], **CLOSE)
            np.testing.assert_allclose(whole["eod"], eod, **CLOSE)


def test_youden_threshold_maximises_the_roc_curve_of_scikit_learn() -> None:
    for y, s, _, _ in cases():
        got = ours.rates(y, ours.apply_threshold(s, ours.choose_threshold(y, s, rule="youden")))
        fpr, tpr, _ = sk.roc_curve(y, s, drop_intermediate=False)
        np.testing.assert_allclose(got["tpr"] - got["fpr"], (tpr - fpr).max(), **CLOSE)
