"""Fairness metrics of one finding. Labels come first, predictions second, the attribute is keyword-only.

A metric is NaN when it is undefined in any group (no positives, say): an undefined rate is not a rate of 0.
Every max-min gap is non-negative, so noise alone makes it positive; read it beside the gap expected by chance
that ``adfair.audit`` prints.
"""

import numpy as np
from numpy.typing import ArrayLike

from adfair.metrics.ranking import auc
from adfair.metrics.rates import rates


def max_min_gap(values: ArrayLike) -> np.ndarray:
    """Largest minus smallest over the last axis ([..., G] -> [...]); NaN where any is NaN."""
    x = np.asarray(values, dtype=float)
    return x.max(axis=-1) - x.min(axis=-1)


def equity_scaled(overall: ArrayLike, values: ArrayLike) -> np.ndarray:
    """X / (1 + sum over groups of |X_g - X|): ``overall`` [...] is X, ``values`` [..., G] are the X_g.

    Source: Luo et al., FairCLIP, CVPR 2024, with its alpha of 1.
    """
    x, groups = np.asarray(overall, dtype=float), np.asarray(values, dtype=float)
    return x / (1.0 + np.abs(groups - x[..., None]).sum(axis=-1))


def group_auc(y_true: ArrayLike, score: ArrayLike, *, sensitive_features: ArrayLike) -> dict[str, float]:
    """AUC of every group, keyed by its value; NaN where a group lacks a class."""
    y, s = np.asarray(y_true), np.asarray(score)
    return {str(g): auc(y[rows], s[rows]) for g, rows in _groups(sensitive_features, y.size)}


def es_auc(y_true: ArrayLike, score: ArrayLike, *, sensitive_features: ArrayLike) -> float:
    """Equity-scaled AUC, see :func:`equity_scaled`; equals the AUC when all groups have the same AUC."""
    groups = group_auc(y_true, score, sensitive_features=sensitive_features)
    return float(equity_scaled(auc(y_true, score), list(groups.values())))


def auc_gap(y_true: ArrayLike, score: ArrayLike, *, sensitive_features: ArrayLike) -> float:
    """Largest minus smallest group AUC."""
    return float(max_min_gap(list(group_auc(y_true, score, sensitive_features=sensitive_features).values())))


def worst_group_auc(y_true: ArrayLike, score: ArrayLike, *, sensitive_features: ArrayLike) -> float:
    """Smallest group AUC. Read it beside every gap: a gap also closes when all groups get worse."""
    return float(np.min(list(group_auc(y_true, score, sensitive_features=sensitive_features).values())))


def group_rates(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: ArrayLike
) -> dict[str, dict[str, float]]:
    """The rates of :func:`adfair.metrics.rates.rates` for every group."""
    y, p = np.asarray(y_true), np.asarray(y_pred)
    return {str(g): rates(y[rows], p[rows]) for g, rows in _groups(sensitive_features, y.size)}


def demographic_parity_difference(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: ArrayLike
) -> float:
    """Largest minus smallest selection rate, P(prediction = 1 | group).

    ``y_true`` is not used; it is there so that all metrics are called alike, as in fairlearn. A constant
    predictor gets 0. Source: Calders et al. (2009), as a difference.
    """
    return _rate_gap(y_true, y_pred, sensitive_features, "selection_rate")


def demographic_parity_ratio(y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: ArrayLike) -> float:
    """Smallest over largest selection rate; NaN when nobody is selected in any group."""
    return _rate_ratio(y_true, y_pred, sensitive_features, "selection_rate")


def equal_opportunity_difference(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: ArrayLike
) -> float:
    """Largest minus smallest true-positive rate. Source: Hardt et al. (2016)."""
    return _rate_gap(y_true, y_pred, sensitive_features, "tpr")


def equalized_odds_difference(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: ArrayLike
) -> float:
    """The larger of the TPR gap and the FPR gap (worst case, as fairlearn). Source: Hardt et al. (2016)."""
    gaps = [_rate_gap(y_true, y_pred, sensitive_features, name) for name in ("tpr", "fpr")]
    return float(np.max(gaps))


def equalized_odds_difference_mean(
    y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: ArrayLike
) -> float:
    """The mean of the TPR gap and the FPR gap; 1 minus this is what MEDFAIR and fairmedfm print."""
    gaps = [_rate_gap(y_true, y_pred, sensitive_features, name) for name in ("tpr", "fpr")]
    return float(np.mean(gaps))


def equalized_odds_ratio(y_true: ArrayLike, y_pred: ArrayLike, *, sensitive_features: ArrayLike) -> float:
    """The smaller of the TPR ratio and the FPR ratio (smallest over largest)."""
    return float(np.min([_rate_ratio(y_true, y_pred, sensitive_features, name) for name in ("tpr", "fpr")]))


def _rate_gap(y_true: ArrayLike, y_pred: ArrayLike, features: ArrayLike, name: str) -> float:
    by_group = group_rates(y_true, y_pred, sensitive_features=features)
    return float(max_min_gap([r[name] for r in by_group.values()]))


def _rate_ratio(y_true: ArrayLike, y_pred: ArrayLike, features: ArrayLike, name: str) -> float:
    values = np.array([r[name] for r in group_rates(y_true, y_pred, sensitive_features=features).values()])
    return float(min_max_ratio(values))


def min_max_ratio(values: ArrayLike) -> np.ndarray:
    """Smallest over largest along the last axis; NaN where any is NaN or the largest is 0."""
    x = np.asarray(values, dtype=float)
    low, high = x.min(axis=-1), x.max(axis=-1)
    return np.divide(low, high, out=np.full(np.shape(high), np.nan), where=high > 0)


def _groups(sensitive_features: ArrayLike, n: int) -> list[tuple[object, np.ndarray]]:
    features = np.asarray(sensitive_features)
    if features.shape != (n,):
        raise ValueError(f"sensitive_features must have one value a row: {n} rows, shape {features.shape}")
    return [(g, features == g) for g in np.unique(features)]
