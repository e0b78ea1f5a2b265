"""Rows of ``metrics.csv`` for base metrics: everyone and every group, each finding and their mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from adfair.auditing.cells import SortedRows
from adfair.auditing.measure import Measured
from adfair.auditing.reasons import few_note, joined, mean_note, resample_note, small_note, undefined_reason
from adfair.auditing.statistics import INDEX
from adfair.metrics.delong import auc_components, auc_covariance
from adfair.metrics.intervals import (
    bca_interval,
    bca_p_value,
    bootstrap_p_value,
    gap_interval,
    normal_interval,
    percentile_interval,
    wilson_interval,
)

COLUMNS = (
    "metric",
    "finding",
    "attribute",
    "group",
    "stratum",
    "value",
    "ci_low",
    "ci_high",
    "expected_by_chance",
    "p_value",
    "p_adjusted",
    "n",
    "n_positive",
    "note",
)
FIGURES = COLUMNS[5:11]
EMITTED = (
    "auc",
    "auprc",
    "brier",
    "ece",
    "accuracy",
    "tpr",
    "fpr",
    "fnr",
    "ppv",
    "npv",
    "selection_rate",
    "underdiagnosis_rate",
)
RATE_METRICS = frozenset(EMITTED[4:])
CLOSED_FORMS = ("auto", "delong")
"""Intervals of the settings under which rates of one row a patient have a closed form."""
Row = dict[str, Any]


def row(
    metric: str,
    finding: str,
    attribute: str = "",
    group: str = "",
    *,
    figures: Mapping[str, float],
    note: str = "",
) -> Row:
    """One row with every column; figures that are not given are empty.

    ``fewest``, which is no column, is the smallest number of patients that the row would give away.
    """
    named = {"metric": metric, "finding": finding, "attribute": attribute, "group": group, "stratum": ""}
    return {**dict.fromkeys(COLUMNS, np.nan), **named, **figures, "note": note}


def wanted(metric: str, only: frozenset[str]) -> bool:
    """Whether a metric is among those asked for; all are where none is named."""
    return not only or metric in only


def mean_over_findings(values: np.ndarray) -> np.ndarray:
    """Mean over axis 1 ([1 + R, F, ...] -> [1 + R, ...]) of the findings that are defined in the observed
    table.

    A replicate in which one of those is undefined is undefined: its mean would be over other findings.
    """
    used = np.isfinite(values[0])
    total = np.where(used, values, 0.0).sum(axis=1)
    count = used.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def intervals(values: np.ndarray, jackknife: np.ndarray, measured: Measured) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap interval of smooth statistics [1 + R, ...]: percentile, or BCa when asked for."""
    level = measured.settings.level
    if len(jackknife):
        units = measured.predictions.patients
        return bca_interval(values[0], values[1:], jackknife, level=level, units=units)
    return percentile_interval(values[1:], level=level)


def p_values(values: np.ndarray, jackknife: np.ndarray, measured: Measured) -> np.ndarray:
    """Two-sided p against 0 of smooth differences [1 + R, ...], by inverting the interval of ``intervals``."""
    if len(jackknife):
        return bca_p_value(values[0], values[1:], jackknife, units=measured.predictions.patients)
    return bootstrap_p_value(values[1:])


def _base_intervals(
    values: np.ndarray, jackknife: np.ndarray, measured: Measured
) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of [1 + R, ..., metrics]; the ECE is a sum of absolute values and biased like a gap."""
    low, high = intervals(values, jackknife, measured)
    k = EMITTED.index("ece")
    ends = gap_interval(values[0, ..., k], values[1:, ..., k], level=measured.settings.level)
    low[..., k], high[..., k] = ends
    return low, high


def base_rows(measured: Measured, extra: str = "", *, only: frozenset[str] = frozenset()) -> list[Row]:
    """Rows of every emitted base metric (of those in ``only``, if any); ``extra`` is a note for rates (in-sample
    thresholds, say)."""
    columns = [INDEX[name] for name in EMITTED]
    values, jackknife = measured.values[..., columns], measured.jackknife[..., columns]
    low, high = _base_intervals(values, jackknife, measured)
    means = mean_over_findings(values)
    mean_jackknife = mean_over_findings(np.concatenate([values[:1], jackknife]))[1:]
    mean_low, mean_high = _base_intervals(means, mean_jackknife, measured)
    out = []
    for c in range(len(measured.cells)):
        small = _small_note(measured, c)
        for f in range(len(measured.predictions.findings)):
            bounds = low[f, c], high[f, c]
            out += _finding_rows(measured, values[:, f, c], bounds, (f, c), (small, extra), only)
        if (
            len(measured.predictions.findings) == 1
        ):  # the mean is that finding: its figures, closed forms included
            out += [{**r, "finding": "mean"} for r in out[-len(_numbered(only)) :]]
            continue
        bounds = mean_low[c], mean_high[c]
        out += _mean_rows(measured, values[0, :, c], means[:, c], bounds, c, (small, extra), only)
    return out


def _numbered(only: frozenset[str]) -> list[tuple[int, str]]:
    """The metrics asked for, with their places in EMITTED."""
    return [(k, metric) for k, metric in enumerate(EMITTED) if wanted(metric, only)]


def _finding_rows(
    measured: Measured,
    values: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    place: tuple[int, int],
    notes: tuple[str, str],
    only: frozenset[str],
) -> list[Row]:
    """Rows of one finding and cell; ``values`` is [1 + R, metrics], ``place`` its (finding, cell)."""
    rows, cell = measured.rows[place[0]][place[1]], measured.cells[place[1]]
    out = []
    for k, metric in _numbered(only):
        value = values[0, k]
        low, high, how = _closed_form(measured, metric, place, value) or (bounds[0][k], bounds[1][k], "")
        reason = undefined_reason(metric, rows) if np.isnan(value) else resample_note(values[1:, k])
        few = few_note(measured, place[0], place[1:], (metric,))
        rate = notes[1] if metric in RATE_METRICS else ""
        note = joined(reason, how, _flat_note(low, high), few, notes[0], rate)
        figures = {
            "value": value,
            "ci_low": low,
            "ci_high": high,
            "n": rows.size,
            "n_positive": rows.positives,
            "fewest": measured.fewest(*place),
        }
        finding = measured.predictions.findings[place[0]]
        out.append(row(metric, finding, cell.attribute, cell.group, figures=figures, note=note))
    return out


def _flat_note(low: float, high: float) -> str:
    return "interval of zero width: no resample differs" if low == high else ""


def _closed_form(
    measured: Measured, metric: str, place: tuple[int, int], value: float
) -> tuple[float, float, str] | None:
    """Wilson for rates of one row a patient, DeLong for AUC when asked; None: use the bootstrap."""
    settings, rows = measured.settings, measured.rows[place[0]][place[1]]
    if np.isnan(value) or not settings.replicates or settings.interval not in CLOSED_FORMS:
        return None
    if metric in RATE_METRICS and rows.single:
        whole = denominator(metric, rows, measured.predictions.findings[place[0]])
        low, high = wilson_interval(value * whole, whole, level=settings.level)
        return float(low), float(high), "Wilson interval"
    if metric != "auc" or settings.interval != "delong":
        return None
    parts = auc_components(rows.label, rows.score, patient=rows.unit)
    ends = normal_interval(value, auc_covariance(parts, parts), level=settings.level)
    if not np.isfinite(ends).all():
        return np.nan, np.nan, "no DeLong interval: it needs two patients with and two without the finding"
    return max(ends[0], 0.0), min(ends[1], 1.0), "DeLong interval" if rows.single else "Obuchowski interval"


def denominator(metric: str, rows: SortedRows, finding: str) -> float:
    """How many rows a rate is a share of."""
    positives, size = float(rows.positives), float(rows.size)
    if metric == "underdiagnosis_rate":
        metric = "fpr" if finding.casefold().replace("_", " ") == "no finding" else "fnr"
    sizes = {"tpr": positives, "fnr": positives, "fpr": size - positives}
    sizes |= {"ppv": size - rows.start, "npv": float(rows.start)}
    return sizes.get(metric, size)


def _mean_rows(
    measured: Measured,
    observed: np.ndarray,
    means: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    c: int,
    notes: tuple[str, str],
    only: frozenset[str],
) -> list[Row]:
    """Rows of the mean over findings in a cell; ``observed``: [F, metrics], ``means``: [1 + R, metrics]."""
    cell, names = measured.cells[c], measured.predictions.findings
    n = sum(r[c].size for r in measured.rows)
    n_positive = sum(r[c].positives for r in measured.rows)
    out = []
    for k, metric in _numbered(only):
        note = joined(
            mean_note(observed[:, k], names),
            resample_note(means[1:, k]) if np.isfinite(means[0, k]) else "",
            _flat_note(bounds[0][k], bounds[1][k]),
            notes[0],
            notes[1] if metric in RATE_METRICS else "",
        )
        figures = {"value": means[0, k], "ci_low": bounds[0][k], "ci_high": bounds[1][k]}
        counts = {"n": n, "n_positive": n_positive}
        out.append(row(metric, "mean", cell.attribute, cell.group, figures={**figures, **counts}, note=note))
    return out


def _small_note(measured: Measured, c: int) -> str:
    return joined("" if measured.cells[c].known else "not part of any gap", small_note(measured, c))
