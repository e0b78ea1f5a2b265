"""Calibration: Brier score, expected calibration error and the curve behind it. Scores are probabilities."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Binning = Literal["width", "mass"]


def brier(y_true: ArrayLike, score: ArrayLike) -> float:
    """Mean of (score - y)^2 over [N] rows. NaN when empty or a score is outside 0-1. Source: Brier (1950)."""
    y, s = np.asarray(y_true, dtype=float), np.asarray(score, dtype=float)
    return float(np.mean((s - y) ** 2)) if is_probability(s) else float("nan")


def ece(y_true: ArrayLike, score: ArrayLike, *, bins: int = 10, binning: Binning = "width") -> float:
    """Expected calibration error: sum over bins of (share of rows) x |mean label - mean score|.

    Args:
        y_true, score: [N], labels 0/1 and probabilities.
        bins: number of bins.
        binning: ``width`` cuts 0-1 into equal intervals, closed on the left (our choice; fairmedfm cuts the
            observed range instead); ``mass`` puts equally many rows in each, never splitting equal scores.

    Returns:
        A number in [0, 1]; NaN when empty or a score is outside 0-1. Biased upward in small groups.

    Source: Naeini et al. (2015); Nixon et al. (2019) for equal mass.
    """
    curve = calibration_curve(y_true, score, bins=bins, binning=binning)
    if not curve.size:
        return float("nan")
    return float((curve[:, 0] * np.abs(curve[:, 2] - curve[:, 1])).sum() / curve[:, 0].sum())


def calibration_curve(
    y_true: ArrayLike, score: ArrayLike, *, bins: int = 10, binning: Binning = "width"
) -> np.ndarray:
    """Points of the reliability diagram: [B, 3] of count, mean score, share positive; empty bins left out."""
    y, s = np.asarray(y_true, dtype=float), np.asarray(score, dtype=float)
    if not is_probability(s):
        return np.empty((0, 3))
    order = np.argsort(s, kind="stable")
    bounds = bin_bounds(s[order], bins=bins, binning=binning)
    starts, counts = bounds[:-1], np.diff(bounds)
    keep = counts > 0
    sums = [np.add.reduceat(v[order], starts[keep]) / counts[keep] for v in (s, y)]
    return np.column_stack([counts[keep], *sums])


def ece_by_chance(ascending: np.ndarray, bounds: np.ndarray) -> float:
    """The expected calibration error that sorted scores [N] would show if each were its row's true probability.

    The sum over bins of E|positives - sum of scores| / N, each sum taken as normal: sqrt(2 V / pi) with V the sum of
    s (1 - s). Rows count as independent. NaN without rows. The normal approximation is our choice.

    Args:
        bounds: int [B + 1], as of :func:`bin_bounds`.
    """
    if not ascending.size:
        return float("nan")
    total = np.concatenate([[0.0], np.cumsum(ascending * (1.0 - ascending))])
    variance = np.maximum(np.diff(total[bounds]), 0.0)
    return float(np.sqrt(2.0 * variance / np.pi).sum() / ascending.size)


def bin_bounds(ascending: np.ndarray, *, bins: int, binning: Binning) -> np.ndarray:
    """Row bounds int64 [bins + 1] of the bins of sorted scores: bin b is rows bounds[b] to bounds[b+1]-1."""
    n = ascending.size
    if binning == "width":
        edges = np.arange(1, bins) / bins  # linspace has .30000000000000004, which a score of .3 lies below
    else:
        edges = ascending[np.minimum((np.arange(1, bins) * n) // bins, n - 1)]
    inner = np.searchsorted(ascending, edges, side="left")
    return np.concatenate([[0], inner, [n]]).astype(np.int64)


def is_probability(score: np.ndarray) -> bool:
    """Whether there are scores and all of them lie in 0-1."""
    return bool(score.size and score.min() >= 0 and score.max() <= 1)
