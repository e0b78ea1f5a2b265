"""Intervals and p-values of changes: of smooth figures, and of those that noise alone makes larger.

A gap is a largest difference and an expected calibration error a sum of absolute values: the fewer the patients, or
the noisier the scores, the larger they come out where there is nothing, and resampling adds to it. A change of such
a figure between two models, cohorts or groups holds the difference of their noise besides.
"""

from collections.abc import Callable

import numpy as np

from adfair.auditing.gap_rows import gap_rows
from adfair.auditing.gaps import GAPS, gap_values, usable_groups
from adfair.auditing.measure import Measured
from adfair.auditing.settings import Settings
from adfair.metrics.calibration import ece_by_chance
from adfair.metrics.intervals import bootstrap_p_value, defined_mean, percentile_interval

Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""From a change [1 + R, K], observed and replicated, its interval's ends and its p-value, [K] each."""


def percentiles(replicates: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of the percentile intervals of [R, ...] replicates and the p-values that invert them.

    Both are NaN where fewer than half of the replicates are defined.
    """
    low, high = percentile_interval(replicates, level=settings.level)
    return low, high, np.where(np.isfinite(low), bootstrap_p_value(replicates), np.nan)


def judge_biased(
    change: np.ndarray, noise: np.ndarray, settings: Settings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interval and p of a change [1 + R, K] of which ``noise`` [K] would be there were nothing to be measured.

    By how much the observed change is off lies between nothing, where gaps are wide, and ``noise``, where there are
    none. Replicates are centred on the change and on the change less ``noise``; what either allows is allowed (our
    choice).
    """
    centred = change[1:] - (defined_mean(change[1:]) - change[0])
    found = [percentiles(each, settings) for each in (centred, centred - np.nan_to_num(noise))]
    low, high, p = (np.stack(parts) for parts in zip(*found, strict=True))
    return low.min(axis=0), high.max(axis=0), p.max(axis=0)


def gap_noise(measured: Measured) -> dict[tuple[str, str], np.ndarray]:
    """By gap and attribute, for every finding and the mean [F + 1]: what equal groups of these sizes would show, less
    what equal groups without noise would (0 for a difference, everyone's AUC for the worst group's)."""
    names = [*measured.predictions.findings, "mean"]
    chance = {
        (r["metric"], r["attribute"], r["finding"]): r["expected_by_chance"] for r in gap_rows(measured)
    }
    out = {}
    for attribute in measured.predictions.attributes:
        columns = measured.columns(attribute.name)
        for gap in GAPS:
            quiet: list[float] = []
            for table in measured.observed:
                alike = np.repeat(table[:1], len(columns), axis=0)
                quiet.append(float(gap_values(gap, table[0], alike, usable_groups(gap, table[columns]))))
            quiet.append(float(defined_mean(np.array(quiet))))
            levels = [chance.get((gap.name, attribute.name, name), np.nan) for name in names]
            out[gap.name, attribute.name] = np.array(levels, dtype=float) - np.array(quiet)
    return out


def ece_noise(measured: Measured) -> np.ndarray:
    """Expected calibration error [F + 1, C] that calibrated scores would show, for every finding and the mean."""
    levels = np.array(
        [
            [np.nan if r.bounds is None else ece_by_chance(r.score, r.bounds) for r in cells]
            for cells in measured.rows
        ]
    )
    return np.vstack([levels, defined_mean(levels)])
