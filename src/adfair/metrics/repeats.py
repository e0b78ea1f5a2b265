"""Figures of repeated runs: mean and spread, paired differences, and which trade-offs nothing beats."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit


class Difference(NamedTuple):
    """A mean difference with its interval, in the unit of the figure; NaN where undefined."""

    value: float
    low: float
    high: float


def mean_sd(values: ArrayLike) -> tuple[float, float]:
    """Mean and sample standard deviation (n - 1) of [N] values; the latter is NaN for fewer than two.

    A NaN among the values makes both NaN: leaving out what failed would flatter the rest.
    """
    x = np.asarray(values, dtype=float)
    if not x.size:
        return float("nan"), float("nan")
    return float(x.mean()), float(x.std(ddof=1)) if x.size > 1 else float("nan")


def paired_difference(first: ArrayLike, second: ArrayLike, *, level: float = 0.95) -> Difference:
    """Mean of first - second ([N] each, paired) with Student's t interval, N - 1 degrees of freedom.

    One pair has a difference and no interval. The interval is about repeating the runs with other seeds; it
    assumes that differences are about normal, which few seeds cannot show.

    Source: Student (1908); the paired form as in any text on it.
    """
    d = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    mean, sd = mean_sd(d)
    if d.size < 2:
        return Difference(mean, float("nan"), float("nan"))
    half = float(stdtrit(d.size - 1, (1 + level) / 2)) * sd / np.sqrt(d.size)
    return Difference(mean, mean - half, mean + half)


def pareto_optimal(points: ArrayLike) -> np.ndarray:
    """Which of the points [N, K], larger being better on every axis, no other point beats: bool [N].

    A point beats another when it is at least as good on every axis and better on one, so equal points do not
    beat each other. A point with a NaN is not optimal and beats none.
    """
    x = np.asarray(points, dtype=float)
    beaten = [bool(((x >= p).all(axis=1) & (x > p).any(axis=1)).any()) for p in x]
    return np.isfinite(x).all(axis=1) & ~np.array(beaten, dtype=bool)
