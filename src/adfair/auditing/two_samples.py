"""Intervals of differences between two samples where a bootstrap would take one of the two figures for known."""

from collections.abc import Mapping

import numpy as np

from adfair.auditing.measure import Measured
from adfair.auditing.rows import CLOSED_FORMS, RATE_METRICS, denominator, mean_over_findings
from adfair.auditing.statistics import INDEX
from adfair.metrics.rate_difference import newcombe_interval, newcombe_p_value

Place = tuple[Measured, int]
"""A cell of a measured table."""


def judge_two(
    sides: Mapping[str, Place], metric: str, low: np.ndarray, high: np.ndarray, p: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Ends and p [F + 1] of the first side less the second, every finding and the mean, from those of a bootstrap.

    Rates of one row a patient get Newcombe's interval and its p. Other figures have neither where no resample of a side
    differs from another (our choice): nobody of it is called positive, say, and the bootstrap knows no uncertainty of it.

    Returns:
        Low, high, p, and a note for each.
    """
    flat = {name: _flat(m.values[:, :, c, INDEX[metric]]) for name, (m, c) in sides.items()}
    low, high, p = (np.where(np.any(list(flat.values()), axis=0), np.nan, each) for each in (low, high, p))
    how = [_note([name for name, each in flat.items() if each[f]]) for f in range(len(p))]
    settings = next(iter(sides.values()))[0].settings
    if metric in RATE_METRICS and settings.replicates and settings.interval in CLOSED_FORMS:
        for f, ends in enumerate(zip(*_newcombe(list(sides.values()), metric, settings.level), strict=True)):
            if np.isfinite(ends).all():
                (low[f], high[f], p[f]), how[f] = ends, "Newcombe interval"
    if len(how) == 2:  # the mean of one finding is that finding
        low, high, p, how = low[[0, 0]], high[[0, 0]], p[[0, 0]], how[:1] * 2
    return low, high, p, how


def _flat(values: np.ndarray) -> np.ndarray:
    """Of which findings, and of whose mean, every defined replicate is the observed value: [1 + R, F] -> [F + 1]."""
    values = np.column_stack([values, mean_over_findings(values)])
    same = (values[1:] == values[0]) | ~np.isfinite(values[1:])
    return np.isfinite(values[0]) & same.all(axis=0) & (len(values) > 1)


def _note(sides: list[str]) -> str:
    return f"no interval: no resample differs in {' or in '.join(sides)}" if sides else ""


def _newcombe(sides: list[Place], metric: str, level: float) -> tuple[np.ndarray, ...]:
    """Ends and p [F] of differences of rates; NaN where a patient of either side has several rows."""
    part, whole = [], []
    for measured, c in sides:
        pairs = [
            (row[c], name) for row, name in zip(measured.rows, measured.predictions.findings, strict=True)
        ]
        whole.append([denominator(metric, rows, name) if rows.single else np.nan for rows, name in pairs])
        part.append(measured.observed[:, c, INDEX[metric]] * whole[-1])
    low, high = newcombe_interval(part, whole, level=level)
    return low, high, newcombe_p_value(part, whole)
