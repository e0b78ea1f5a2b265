"""Adjusting p-values for having looked at many gaps."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

Adjustment = Literal["holm", "bh", "none"]


def holm(p_values: ArrayLike) -> np.ndarray:
    """Holm's step-down adjustment ([M]); controls the chance of any false alarm; NaN stays. Holm (1979)."""
    return _adjusted(p_values, lambda p: np.maximum.accumulate(p * np.arange(p.size, 0, -1)))


def benjamini_hochberg(p_values: ArrayLike) -> np.ndarray:
    """Benjamini-Hochberg (1995) adjustment ([M]); controls the share of false alarms; NaN stays."""
    return _adjusted(
        p_values, lambda p: np.minimum.accumulate((p * p.size / np.arange(1, p.size + 1))[::-1])[::-1]
    )


def adjust(p_values: ArrayLike, *, method: Adjustment = "holm") -> np.ndarray:
    """Adjust by name: ``holm``, ``bh`` or ``none``."""
    if method == "none":
        return np.asarray(p_values, dtype=float).copy()
    return holm(p_values) if method == "holm" else benjamini_hochberg(p_values)


def _adjusted(p_values: ArrayLike, step: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    p = np.asarray(p_values, dtype=float)
    out = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    out[order] = np.minimum(step(p[order]), 1.0)
    return out
