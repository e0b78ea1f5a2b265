"""Difference of two proportions of independent rows: an interval that holds up where one of them is 0 or 1."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from adfair.metrics.intervals import wilson_bounds

_HALVINGS, _FARTHEST = 50, 38.0


def newcombe_interval(
    part: ArrayLike, whole: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the first proportion less the second; part and whole are [2, ...], NaN where a whole is 0.

    A bootstrap of a group in which nobody (or everybody) is called positive has no spread, as if its rate were known;
    here such a group brings in the width of its Wilson interval.

    Source: Newcombe, Statistics in Medicine 17 (1998) 873, method 10.
    """
    return _ends(part, whole, NormalDist().inv_cdf((1 + level) / 2))


def newcombe_p_value(part: ArrayLike, whole: ArrayLike) -> np.ndarray:
    """Two-sided p of a difference against 0: the level at which ``newcombe_interval`` just touches 0 (our choice)."""
    least = np.zeros(np.shape(part)[1:])
    most = np.full(least.shape, _FARTHEST)
    for _ in range(_HALVINGS):
        z = (least + most) / 2
        low, high = _ends(part, whole, z)
        holds = (low <= 0) & (high >= 0)
        least, most = np.where(holds, least, z), np.where(holds, z, most)
    tails = np.vectorize(math.erfc, otypes=[float])(least / math.sqrt(2))
    return np.where(np.isfinite(_ends(part, whole, 1.0)[0]), tails, np.nan)


def _ends(part: ArrayLike, whole: ArrayLike, z: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    k, n = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    share = k / np.where(n > 0, n, np.nan)
    low, high = wilson_bounds(k, n, z)
    below, above = share - low, high - share
    difference = share[0] - share[1]
    return difference - np.hypot(below[0], above[1]), difference + np.hypot(above[0], below[1])
