"""Intervals and p-values from replicates, and closed forms for proportions."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

_NORMAL = NormalDist()


def percentile_interval(replicates: ArrayLike, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap interval over axis 0 ([R, ...] -> two of [...]).

    NaN replicates (the resample left the metric undefined) are left out; where fewer than half of them are
    defined there is no interval (our choice), because what remains is a biased selection.

    Source: Efron and Tibshirani (1993), chapter 13.
    """
    x = np.asarray(replicates, dtype=float)
    usable = defined_share(x) >= 0.5
    tail = (1.0 - level) / 2.0
    return _quantiles(x, np.full(x.shape[1:], tail), usable), _quantiles(
        x, np.full(x.shape[1:], 1 - tail), usable
    )


def bca_interval(
    observed: ArrayLike,
    replicates: ArrayLike,
    jackknife: ArrayLike,
    *,
    level: float = 0.95,
    units: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Bias-corrected and accelerated interval for smooth statistics; not for max-min gaps.

    Args:
        observed: [...]; replicates: [R, ...].
        jackknife: [J, ...], the statistic without one patient, for all patients or a random J of them.
        units: the number of patients when the jackknife left out only some of them in turn.

    Source: Efron, JASA 82 (1987); the acceleration is the jackknife skewness over 6.
    """
    x = np.asarray(replicates, dtype=float)
    bias, skew = _bca_terms(observed, x, jackknife, units)
    usable = defined_share(x) >= 0.5
    bounds = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + _NORMAL.inv_cdf(tail)
        bounds.append(_quantiles(x, _normal_cdf(bias + z / (1 - skew * z)), usable))
    return bounds[0], bounds[1]


def bca_p_value(
    observed: ArrayLike, replicates: ArrayLike, jackknife: ArrayLike, *, units: int | None = None
) -> np.ndarray:
    """Two-sided p of a difference against 0: the level at which ``bca_interval`` just touches 0.

    Arguments as there. Source: Efron (1987), equation 2.3 solved for the level of the interval.
    """
    x = np.asarray(replicates, dtype=float)
    bias, skew = _bca_terms(observed, x, jackknife, units)
    total = np.isfinite(x).sum(axis=0)
    below = (x < 0).sum(axis=0) + 0.5 * (x == 0).sum(axis=0)
    u = _normal_quantile((below + 0.5) / (total + 1.0)) - bias
    with np.errstate(all="ignore"):
        tail = _normal_cdf(u / (1 + skew * u) - bias)
    smallest = 2.0 / (total + 1.0)
    p = np.clip(2 * np.minimum(tail, 1 - tail), np.minimum(smallest, 1.0), 1.0)
    return np.where(total > 0, p, np.nan)


def _bca_terms(
    observed: ArrayLike, x: np.ndarray, jackknife: ArrayLike, units: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Median bias z0 and acceleration, [...] each."""
    y = np.asarray(jackknife, dtype=float)
    defined = np.isfinite(x).sum(axis=0)
    below = (x < observed).sum(axis=0) + 0.5 * (x == observed).sum(axis=0)
    bias = _normal_quantile(np.clip(below / np.maximum(defined, 1), 1e-6, 1 - 1e-6))
    with np.errstate(all="ignore"):
        deviation = np.nansum(y, axis=0) / np.isfinite(y).sum(axis=0) - y
        skew = np.nansum(deviation**3, axis=0) / np.nansum(deviation**2, axis=0) ** 1.5 / 6.0
        skew *= np.sqrt(len(y) / (units or len(y)))
    return bias, np.where(np.isfinite(skew), skew, 0.0)


def gap_interval(
    observed: ArrayLike, replicates: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a max-min gap, worst group or equity-scaled figure, all in 0-1 and biased by noise.

    Resampling adds noise to noise: replicates ([R, ...]) of such a statistic lie to one side of the observed
    value ([...]) by about as much as that value lies to the side of the truth. With b = mean(replicates) -
    observed, the interval is the union of the percentile interval moved by -b (centred on the observed value)
    and by -2b (centred on the value less its bias), cut to 0-1. Unlike the plain percentile interval it can
    hold a gap of 0 and never excludes the observed value for bias alone. Our choice; see the page on metrics
    for its measured coverage.
    """
    x = np.asarray(replicates, dtype=float)
    low, high = percentile_interval(x, level=level)
    if not len(x):
        return low, high
    bias = defined_mean(x) - observed
    ends = np.minimum(low - bias, low - 2 * bias), np.maximum(high - bias, high - 2 * bias)
    return np.clip(ends[0], 0.0, 1.0), np.clip(ends[1], 0.0, 1.0)


def wilson_interval(
    part: ArrayLike, whole: ArrayLike, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson score interval of part / whole for independent rows; NaN where whole is 0. Wilson (1927)."""
    return wilson_bounds(part, whole, _NORMAL.inv_cdf((1 + level) / 2))


def wilson_bounds(part: ArrayLike, whole: ArrayLike, z: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`wilson_interval`, ``z`` standard errors to either side."""
    k, n, z = (np.asarray(each, dtype=float) for each in (part, whole, z))
    size = np.where(n > 0, n, np.nan)
    share = k / size
    centre = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def normal_interval(value: float, variance: float, *, level: float = 0.95) -> tuple[float, float]:
    """value +- z sqrt(variance), not cut at 0 or 1 so that differences can use it too."""
    half = _NORMAL.inv_cdf((1 + level) / 2) * float(np.sqrt(variance))
    return value - half, value + half


def normal_p_value(value: float, variance: float) -> float:
    """Two-sided p of ``value`` against 0, normal approximation; 1 when value and variance are both 0.

    NaN for another value without variance: so few patients that none of them differs measure no uncertainty.
    """
    if variance <= 0:
        return 1.0 if value == 0 else math.nan
    return 2 * (1 - _NORMAL.cdf(abs(value) / float(np.sqrt(variance))))


def permutation_p_value(observed: ArrayLike, null: ArrayLike, *, lower: bool = False) -> np.ndarray:
    """(b + 1) / (B + 1): b of the B null values ([B, ...]) at least as extreme as observed ([...]).

    Args:
        lower: small values are the extreme ones (worst group, equity-scaled AUC) instead of large ones.

    NaN null values are left out of both b and B. Source: Phipson and Smyth (2010).
    """
    x, value = np.asarray(null, dtype=float), np.asarray(observed, dtype=float)
    # The slack makes values that are equal up to the order of summation count as ties, which is conservative.
    hits = (x <= value + 1e-12) if lower else (x >= value - 1e-12)
    p = (hits.sum(axis=0) + 1.0) / (np.isfinite(x).sum(axis=0) + 1.0)
    return np.where(np.isfinite(value) & np.isfinite(x).any(axis=0), p, np.nan)


def bootstrap_p_value(replicates: ArrayLike) -> np.ndarray:
    """Two-sided p of a difference against 0: twice the smaller tail, (b + 1) / (R + 1), at most 1.

    The p at which the percentile interval ([R, ...] replicates) just touches 0. Source: Davison and Hinkley
    (1997), section 5.4, by inverting the interval.
    """
    x = np.asarray(replicates, dtype=float)
    low, high = (x <= 0).sum(axis=0), (x >= 0).sum(axis=0)
    total = np.isfinite(x).sum(axis=0)
    return np.where(total > 0, np.minimum(1.0, 2 * (np.minimum(low, high) + 1.0) / (total + 1.0)), np.nan)


def defined_share(replicates: np.ndarray) -> np.ndarray:
    """Share of axis 0 that is a finite number; 0 where there are no replicates."""
    return np.isfinite(replicates).sum(axis=0) / max(len(replicates), 1)


def defined_mean(replicates: np.ndarray) -> np.ndarray:
    """Mean over axis 0 of what is a finite number; NaN where nothing is."""
    known = np.isfinite(replicates)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, replicates, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _quantiles(x: np.ndarray, levels: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Linear-interpolation quantiles over axis 0 at a level per cell, NaN rows ignored."""
    if not len(x):
        return np.full(x.shape[1:], np.nan)
    ordered = np.sort(x, axis=0)
    last = np.maximum(np.isfinite(x).sum(axis=0) - 1, 0)
    place = np.clip(levels, 0, 1) * last
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, last)
    a = np.take_along_axis(ordered, low[None], axis=0)[0]
    b = np.take_along_axis(ordered, high[None], axis=0)[0]
    return np.where(usable, a + (place - low) * (b - a), np.nan)


def _normal_quantile(share: np.ndarray) -> np.ndarray:
    return np.vectorize(_NORMAL.inv_cdf, otypes=[float])(share)


def _normal_cdf(z: np.ndarray) -> np.ndarray:
    return np.vectorize(_NORMAL.cdf, otypes=[float])(z)
