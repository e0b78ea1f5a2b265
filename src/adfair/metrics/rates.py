"""Rates at a threshold: what share of whom is called positive, which means score >= threshold."""

import numpy as np
from numpy.typing import ArrayLike

RATES = ("tpr", "fpr", "fnr", "tnr", "ppv", "npv", "selection_rate", "accuracy")


def rates_from_counts(tn: ArrayLike, fn: ArrayLike, fp: ArrayLike, tp: ArrayLike) -> dict[str, np.ndarray]:
    """Every rate of :data:`RATES` from confusion counts of any common shape.

    A rate with an empty denominator is NaN, never 0: the false-negative rate of a group without positives is
    not a good one, it is unknown. Source: the usual definitions, for example Hardt et al. (2016) for the
    equal-odds pair (tpr, fpr).
    """
    tn, fn, fp, tp = (np.asarray(x, dtype=float) for x in (tn, fn, fp, tp))
    tpr, fpr = _ratio(tp, tp + fn), _ratio(fp, fp + tn)
    total = tn + fn + fp + tp
    return {
        "tpr": tpr,
        "fpr": fpr,
        "fnr": _ratio(fn, tp + fn),
        "tnr": _ratio(tn, fp + tn),
        "ppv": _ratio(tp, tp + fp),
        "npv": _ratio(tn, tn + fn),
        "selection_rate": _ratio(tp + fp, total),
        "accuracy": _ratio(tp + tn, total),
    }


def rates(y_true: ArrayLike, y_pred: ArrayLike) -> dict[str, float]:
    """Rates of 0/1 predictions against 0/1 labels (both [N], in this order: truth first)."""
    y, p = np.asarray(y_true), np.asarray(y_pred)
    if not (np.isin(y, (0, 1)).all() and np.isin(p, (0, 1)).all()):
        raise ValueError("y_true and y_pred must hold 0 and 1 only")
    counts = [float(((y == a) & (p == b)).sum()) for b in (0, 1) for a in (0, 1)]
    return {name: float(value) for name, value in rates_from_counts(*counts).items()}


def apply_threshold(score: ArrayLike, threshold: float) -> np.ndarray:
    """1 where score >= threshold, else 0; the one comparison that choosing and applying a threshold share."""
    return (np.asarray(score, dtype=float) >= threshold).astype(np.int64)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
