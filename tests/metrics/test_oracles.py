"""2,000 generated cases against scikit-learn, fairlearn and fairmedfm where the conventions coincide."""

from collections.abc import Iterator
from itertools import islice

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
    for k, (y, s, _, _) in enumerate(cases()):
        p = ours.apply_threshold(s, 0.5)
        got = ours.rates(y, p)
        tn, fp, fn, tp = sk.confusion_matrix(y, p, labels=[0, 1]).ravel()
        expected = {"tpr": tp / (tp + fn), "fpr": fp / (fp + tn), "accuracy": (tp + tn) / y.size}
        expected |= {"ppv": tp / (tp + fp)} if tp + fp else {}
        expected |= {"npv": tn / (tn + fn)} if tn + fn else {}
        np.testing.assert_allclose([got[name] for name in expected], list(expected.values()), **CLOSE)
        if k % 20 == 0:
            np.testing.assert_allclose(got["tpr"], sk.recall_score(y, p), **CLOSE)
            np.testing.assert_allclose(got["accuracy"], sk.accuracy_score(y, p), **CLOSE)


def test_gaps_agree_with_fairlearn() -> None:
    # One frame holds all cases, told apart by a control feature: fairlearn's own gaps are differences of such
    # frames, and 2,000 frames would take minutes.
    parts = [
        (y, ours.apply_threshold(s, 0.5), a, np.full(y.size, k)) for k, (y, s, a, _) in enumerate(cases())
    ]
    y, p, a, case = (np.concatenate(column) for column in zip(*parts, strict=True))
    rates = {
        "selection": fairlearn.selection_rate,
        "tpr": lambda y_true, y_pred: y_pred[y_true == 1].mean(),
        "fpr": lambda y_true, y_pred: y_pred[y_true == 0].mean(),
    }
    frame = fairlearn.MetricFrame(
        metrics=rates, y_true=y, y_pred=p, sensitive_features=a, control_features=case
    )
    gaps, ratios = frame.difference(), frame.ratio()
    assert len(gaps) == CASES
    compared = 0
    for k, (yy, pp, aa, _) in enumerate(parts):
        by = {"sensitive_features": aa}
        selection, tpr, fpr = (float(gaps[name].iloc[k]) for name in rates)
        np.testing.assert_allclose(ours.demographic_parity_difference(yy, pp, **by), selection, **CLOSE)
        np.testing.assert_allclose(ours.equal_opportunity_difference(yy, pp, **by), tpr, **CLOSE)
        np.testing.assert_allclose(ours.equalized_odds_difference(yy, pp, **by), max(tpr, fpr), **CLOSE)
        np.testing.assert_allclose(
            ours.equalized_odds_difference_mean(yy, pp, **by), (tpr + fpr) / 2, **CLOSE
        )
        odds = float(np.min([ratios[name].iloc[k] for name in ("tpr", "fpr")]))
        if np.isfinite(odds):
            np.testing.assert_allclose(ours.equalized_odds_ratio(yy, pp, **by), odds, **CLOSE)
            compared += 1
        ratio = float(ratios["selection"].iloc[k])
        np.testing.assert_allclose(ours.demographic_parity_ratio(yy, pp, **by), ratio, **CLOSE)
    assert compared > CASES / 2


def test_fairlearns_named_gaps_agree() -> None:
    for y, s, a, _ in islice(cases(), 0, CASES, 25):
        p, by = ours.apply_threshold(s, 0.5), {"sensitive_features": a}
        for name in (
            "demographic_parity_difference",
            "equalized_odds_difference",
            "demographic_parity_ratio",
        ):
            expected = getattr(fairlearn, name)(y, p, **by)
            np.testing.assert_allclose(getattr(ours, name)(y, p, **by), expected, **CLOSE)
        mean = fairlearn.equalized_odds_difference(y, p, agg="mean", **by)
        np.testing.assert_allclose(ours.equalized_odds_difference_mean(y, p, **by), mean, **CLOSE)


def test_gaps_agree_with_fairmedfm() -> None:
    for k, (y, s, a, _) in enumerate(cases()):
        group = a.astype(str)
        _, reports = fairmedfm._threshold_reports(s, y, group, wanted={"auc", "tpr@best_f1", "tnr@best_f1"})
        aucs, tpr, tnr = ([r[key] for r in reports.values()] for key in ("auc", "tpr@best_f1", "tnr@best_f1"))
        by = {"sensitive_features": group}
        np.testing.assert_allclose(ours.auc_gap(y, s, **by), max(aucs) - min(aucs), **CLOSE)
        np.testing.assert_allclose(ours.worst_group_auc(y, s, **by), min(aucs), **CLOSE)
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
            at_half = fairmedfm.binary_classification_report(s, y)
            # No score is exactly 0.5, so their ``>`` and our ``>=`` coincide there.
            accuracy = ours.rates(y, ours.apply_threshold(s, 0.5))["accuracy"]
            np.testing.assert_allclose(accuracy, at_half["acc"], **CLOSE)


def test_youden_threshold_maximises_the_roc_curve_of_scikit_learn() -> None:
    for y, s, _, _ in cases():
        got = ours.rates(y, ours.apply_threshold(s, ours.choose_threshold(y, s, rule="youden")))
        fpr, tpr, _ = sk.roc_curve(y, s, drop_intermediate=False)
        np.testing.assert_allclose(got["tpr"] - got["fpr"], (tpr - fpr).max(), **CLOSE)
