"""Rows of the change of every figure between two measured tables: of two models, or of one model in two cohorts."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from adfair.auditing.gaps import GAPS, gap_values, usable_groups
from adfair.auditing.judging import Judge, ece_noise, gap_noise, judge_biased, percentiles
from adfair.auditing.measure import Measured
from adfair.auditing.reasons import few_note, joined, mean_note, resample_note, small_groups, small_note
from adfair.auditing.rows import EMITTED, mean_over_findings
from adfair.auditing.settings import Settings
from adfair.auditing.statistics import INDEX
from adfair.auditing.two_samples import judge_two
from adfair.metrics.delong import auc_components, difference_variance
from adfair.metrics.intervals import normal_p_value


def base_differences(
    a: Measured, b: Measured, settings: Settings, *, paired: bool = True, tested: bool = True
) -> list[dict[str, Any]]:
    """Rows of the change of every base metric of every cell.

    Args:
        paired: both are of the same patients, drawn alike; else of two samples, see ``judge_two``.
        tested: with the paired test of AUCs.
    """
    noise = ece_noise(b) - ece_noise(a)
    out = []
    for c, cell in enumerate(a.cells):
        judge = partial(judge_biased, noise=noise[:, c], settings=settings)
        small = _of_either(small_note, a, b, c)
        for metric in EMITTED:
            k = INDEX[metric]
            p = _delong(a, b, c) if tested and metric == "auc" else None
            place = {"metric": metric, "attribute": cell.attribute, "group": cell.group}
            values = a.values[:, :, c, k], b.values[:, :, c, k]
            few = [_of_either(few_note, a, b, f, [c], (metric,)) for f in range(len(a.rows))]
            notes = [joined(small, each) for each in few]
            rows = difference_rows(place, *values, a, settings, p, judge if metric == "ece" else None)
            if not paired:
                rows = _two_samples(rows, a, b, c, metric)
            out += _noted(rows, [*notes, small])
    return out


def _two_samples(
    rows: list[dict[str, Any]], a: Measured, b: Measured, c: int, metric: str
) -> list[dict[str, Any]]:
    """Rows of a cell with the intervals of a difference of two samples, b less a."""
    ends = [np.array([r[key] for r in rows]) for key in ("ci_low", "ci_high", "p_value")]
    *ends, how = judge_two({"the second table": (b, c), "the first table": (a, c)}, metric, *ends)
    found = zip(rows, *ends, how, strict=True)
    return [
        {**r, "ci_low": low, "ci_high": high, "p_value": p, "note": joined(r["note"], said)}
        for r, low, high, p, said in found
    ]


def _of_either(note: Callable[..., str], a: Measured, b: Measured, *place: Any) -> str:
    """What there is to note of a place in two tables: once where they are of the same patients."""
    return joined(*dict.fromkeys(note(measured, *place) for measured in (a, b)))


def gap_differences(a: Measured, b: Measured, settings: Settings) -> list[dict[str, Any]]:
    """Rows of the change of every gap; replicate r of one table goes with replicate r of the other."""
    noise_a, noise_b = gap_noise(a), gap_noise(b)
    out = []
    for attribute in a.predictions.attributes:
        columns = a.columns(attribute.name)
        for gap in GAPS:
            values = []
            # A group that is undefined for one model is left out for both, or the gaps would not compare.
            usable = [
                usable_groups(gap, a.observed[f, columns]) & usable_groups(gap, b.observed[f, columns])
                for f in range(len(a.predictions.findings))
            ]
            for m in (a, b):
                parts = [
                    gap_values(gap, m.values[:, f, 0], m.values[:, f, columns], keep)
                    for f, keep in enumerate(usable)
                ]
                values.append(np.stack(parts, axis=1))
            place = {"metric": gap.name, "attribute": attribute.name, "group": ""}
            key = gap.name, attribute.name
            judge = partial(judge_biased, noise=noise_b[key] - noise_a[key], settings=settings)
            rows = difference_rows(place, values[0], values[1], a, settings, None, judge)
            groups = [a.cells[c].group for c in columns]
            left = [
                [g for g, keep in zip(groups, each, strict=True) if not keep and each.any()]
                for each in usable
            ]
            notes = [f"without {', '.join(names)} (undefined for a model)" if names else "" for names in left]
            entering = np.array([*usable, np.any(usable, axis=0)])
            small = [_of_either(small_groups, a, b, [*np.array(columns)[each]]) for each in entering]
            out += _noted(rows, [joined(*both) for both in zip([*notes, ""], small, strict=True)])
    return out


def _noted(rows: list[dict[str, Any]], notes: Sequence[str]) -> list[dict[str, Any]]:
    return [{**r, "note": joined(r["note"], note)} for r, note in zip(rows, notes, strict=True)]


def difference_rows(
    place: dict[str, str],
    a: np.ndarray,
    b: np.ndarray,
    measured: Measured,
    settings: Settings,
    delong: np.ndarray | None,
    judge: Judge | None = None,
) -> list[dict[str, Any]]:
    """Rows per finding and their mean from the two models' values [1 + R, F]; ``judge`` is percentiles by default."""
    both = np.isfinite(a[0]) & np.isfinite(b[0])
    a, b = np.where(both, a, np.nan), np.where(both, b, np.nan)
    a, b = (np.column_stack([x, mean_over_findings(x)]) for x in (a, b))
    change = b - a
    low, high, p = percentiles(change[1:], settings) if judge is None else judge(change)
    p = np.where(np.isfinite(change[0]), p, np.nan)
    out = []
    for f, finding in enumerate([*measured.predictions.findings, "mean"]):
        figures = {"value_a": a[0, f], "value_b": b[0, f], "difference": change[0, f]}
        figures |= {"ci_low": low[f], "ci_high": high[f], "p_value": p[f]}
        figures["p_delong"] = delong[f] if delong is not None and finding != "mean" else np.nan
        note = resample_note(change[1:, f]) if np.isfinite(change[0, f]) else "undefined for a model"
        if finding == "mean":
            note = joined(mean_note(change[0, :-1], measured.predictions.findings), note)
        out.append({**place, "finding": finding, **figures, "note": note})
    return out


def _delong(a: Measured, b: Measured, c: int) -> np.ndarray:
    """Paired DeLong p of the AUC change per finding in one cell; NaN where undefined."""
    out = np.full(len(a.predictions.findings), np.nan)
    size = a.predictions.patients
    for f in range(out.size):
        if not np.isfinite(a.observed[f, c, 0] + b.observed[f, c, 0]):
            continue
        one, two = (
            auc_components(m.rows[f][c].label, m.rows[f][c].score, patient=m.rows[f][c].unit, patients=size)
            for m in (a, b)
        )
        variance = difference_variance(one, two)
        out[f] = normal_p_value(two.auc - one.auc, variance) if np.isfinite(variance) else np.nan
    return out
