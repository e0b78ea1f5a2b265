"""Ranking metrics of one finding: AUC and average precision, with exact ties and integer weights."""

import numpy as np
from numpy.typing import ArrayLike


def auc(y_true: ArrayLike, score: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Area under the ROC curve: P(score of a positive > score of a negative) + half P(equal).

    Args:
        y_true: [N], 0 or 1.
        score: [N], any real numbers; higher means more likely positive.
        weights: [N], non-negative, for example how often a row was drawn; ones when absent.

    Returns:
        A number in [0, 1]; NaN when a class is absent.

    Source: Hanley and McNeil, Radiology 143 (1982); the rank form of Mann and Whitney.
    """
    if weights is None:
        return _counted(*_checked(y_true, score))
    positive, negative = _class_weights(y_true, score, weights)
    if positive.sum() == 0 or negative.sum() == 0:
        return float("nan")
    below = np.cumsum(negative) - 0.5 * negative
    return float((positive * below).sum() / (positive.sum() * negative.sum()))


def _counted(y: np.ndarray, s: np.ndarray) -> float:
    """The same without weights: how many negatives stand below each positive. Exact, so equal to the last bit."""
    positive, negative = np.sort(s[y == 1]), np.sort(s[y == 0])
    if not positive.size or not negative.size:
        return float("nan")
    below = np.searchsorted(negative, positive) + np.searchsorted(negative, positive, side="right")
    return float(0.5 * below.sum() / (positive.size * negative.size))


def auprc(y_true: ArrayLike, score: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Average precision: sum over thresholds of (recall step) x precision, without interpolation.

    Args and NaN as in :func:`auc`, except that only positives are needed. Its chance level is the prevalence,
    so groups of different prevalence cannot be compared by it.

    Source: the definition of scikit-learn's ``average_precision_score``; equal scores share one threshold.
    """
    positive, negative = _class_weights(y_true, score, weights)
    if positive.sum() == 0:
        return float("nan")
    hits, false = np.cumsum(positive[::-1]), np.cumsum(negative[::-1])
    selected = np.where(hits + false > 0, hits + false, 1.0)
    return float((positive[::-1] * hits / selected).sum() / positive.sum())


def _class_weights(
    y_true: ArrayLike, score: ArrayLike, weights: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of positives and of negatives at each distinct score, ascending."""
    y, s = _checked(y_true, score)
    w = np.ones(y.shape) if weights is None else np.asarray(weights, dtype=float)
    values, place = np.unique(s, return_inverse=True)
    sums = [np.bincount(place, w * (y == k), minlength=values.size) for k in (1, 0)]
    return sums[0], sums[1]


def _checked(y_true: ArrayLike, score: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    y, s = np.asarray(y_true), np.asarray(score, dtype=float)
    if not ((y == 0) | (y == 1)).all():
        raise ValueError("y_true must hold 0 and 1 only")
    if not np.isfinite(s).all():
        raise ValueError("score holds a value that is not a finite number")
    return y, s
