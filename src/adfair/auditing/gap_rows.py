"""Rows of ``metrics.csv`` for gaps between groups with their chance level, and for signed differences."""

import numpy as np

from adfair.auditing.attributes import Attribute
from adfair.auditing.chance import Null, attribute_units, permute
from adfair.auditing.gaps import GAPS, SIGNED, Gap, gap_values, signed_pairs, usable_groups
from adfair.auditing.measure import Measured
from adfair.auditing.reasons import joined, resample_note
from adfair.auditing.rows import Row, intervals, mean_note, mean_over_findings, row, wanted
from adfair.auditing.statistics import INDEX
from adfair.metrics.delong import auc_components, auc_covariance
from adfair.metrics.intervals import (
    bootstrap_p_value,
    gap_interval,
    normal_interval,
    normal_p_value,
    permutation_p_value,
)

THRESHOLDED = frozenset(gap.name for gap in GAPS if not {"auc", "ece"} & set(gap.needs))


def gap_rows(measured: Measured, extra: str = "", *, only: frozenset[str] = frozenset()) -> list[Row]:
    """Rows of every gap (of those in ``only``, if any) of every attribute."""
    out, gaps = [], [gap for gap in GAPS if wanted(gap.name, only)]
    for attribute in measured.predictions.attributes:
        if len(attribute.groups) < 2:
            out += _no_gaps(measured, attribute, gaps)
            continue
        units = attribute_units(measured.predictions, attribute)
        null = None
        if measured.settings.null_replicates:
            null = permute(measured.predictions, attribute, units, measured.thresholds, measured.settings)
        split = f"{units.split_patients} patients change group" if units.split_patients else ""
        for gap in gaps:
            note = joined(split, extra if gap.name in THRESHOLDED else "")
            out += _rows_of_gap(measured, attribute, gap, null, note)
    return out


def _no_gaps(measured: Measured, attribute: Attribute, gaps: list[Gap]) -> list[Row]:
    note = f"undefined: {len(attribute.groups)} known group{'' if attribute.groups else 's'}, a gap needs two"
    names = (*measured.predictions.findings, "mean")
    return [row(gap.name, name, attribute.name, figures={}, note=note) for gap in gaps for name in names]


def _rows_of_gap(
    measured: Measured, attribute: Attribute, gap: Gap, null: Null | None, note: str
) -> list[Row]:
    columns = measured.columns(attribute.name)
    findings = measured.predictions.findings
    usable = [usable_groups(gap, measured.observed[f, columns]) for f in range(len(findings))]
    values = np.stack(
        [
            gap_values(gap, measured.values[:, f, 0], measured.values[:, f, columns], usable[f])
            for f in range(len(findings))
        ],
        axis=1,
    )
    own, joint = _null_values(measured, gap, null, usable)
    out = []
    for f, name in enumerate(findings):
        known = [c for c, keep in zip(columns, usable[f], strict=True) if keep]
        why = _gap_note(measured, gap, f, columns, usable[f])
        figures = _figures(values[:, f], own[:, f], gap, measured)
        counts = _counts(measured, f, known)
        text = joined(why, resample_note(values[1:, f]) if len(known) > 1 else "", note)
        out.append(row(gap.name, name, attribute.name, figures={**figures, **counts}, note=text))
    mean = mean_over_findings(values)
    kept = np.isfinite(values[0])
    null_mean = joint[:, kept].mean(axis=1) if kept.any() else np.full(len(joint), np.nan)
    totals = [_counts(measured, f, columns) for f in range(len(findings))]
    counts = {key: sum(t[key] for t in totals) for key in ("n", "n_positive")}
    partly = [u for u in usable if 2 <= u.sum() < len(columns)]
    missing = [measured.cells[c].group for k, c in enumerate(columns) if any(not u[k] for u in partly)]
    without = f"without {', '.join(missing)} where undefined" if missing else ""
    resampled = resample_note(mean[1:]) if kept.any() else ""
    text = joined(mean_note(values[0], findings), without, resampled, note)
    figures = _figures(mean, null_mean, gap, measured)
    return [*out, row(gap.name, "mean", attribute.name, figures={**figures, **counts}, note=text)]


def _null_values(
    measured: Measured, gap: Gap, null: Null | None, usable: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Null gaps [B, F] for the findings one by one and for their mean."""
    if null is None:
        empty = np.empty((0, len(usable)))
        return empty, empty
    sources = (null.selection, null.selection) if gap.null == "selection" else (null.labelled, null.joint)
    both = []
    for source in sources:
        overall = measured.observed[:, 0]
        gaps = [
            gap_values(gap, np.broadcast_to(overall[f], (len(source), overall.shape[-1])), source[:, f], keep)
            for f, keep in enumerate(usable)
        ]
        both.append(np.stack(gaps, axis=1))
    return both[0], both[1]


def _figures(values: np.ndarray, null: np.ndarray, gap: Gap, measured: Measured) -> dict[str, float]:
    low, high = gap_interval(values[0], values[1:], level=measured.settings.level)
    known = null[np.isfinite(null)]
    return {
        "value": float(values[0]),
        "ci_low": float(low),
        "ci_high": float(high),
        "expected_by_chance": float(known.mean()) if known.size and np.isfinite(values[0]) else np.nan,
        "p_value": float(permutation_p_value(values[0], null, lower=gap.lower)),
    }


def _counts(measured: Measured, f: int, columns: list[int]) -> dict[str, int]:
    rows = [measured.rows[f][c] for c in columns]
    return {"n": sum(r.size for r in rows), "n_positive": sum(r.positives for r in rows)}


def _gap_note(measured: Measured, gap: Gap, f: int, columns: list[int], usable: np.ndarray) -> str:
    names = [measured.cells[c].group for c in columns]
    without = [name for name, keep in zip(names, usable, strict=True) if not keep]
    if usable.sum() < 2:
        return f"undefined: {' and '.join(gap.needs)} defined in fewer than two groups"
    worst = ""
    if gap.name == "worst_group_auc":
        kept = [c for c, keep in zip(columns, usable, strict=True) if keep]
        worst = (
            "worst: " + measured.cells[min(kept, key=lambda c: measured.observed[f, c, INDEX["auc"]])].group
        )
    return joined(worst, f"without {', '.join(without)} (undefined there)" if without else "")


def signed_rows(measured: Measured, extra: str = "", *, only: frozenset[str] = frozenset()) -> list[Row]:
    """Rows of signed differences (of those in ``only``, if any) between two groups, A minus B: unbiased where the
    max-min gap is not."""
    out = []
    for attribute in measured.predictions.attributes:
        columns = measured.columns(attribute.name)
        pairs = signed_pairs([int(measured.cells[c].rows.sum()) for c in columns])
        for metric in (name for name in SIGNED if wanted(f"{name}_difference", only)):
            note = extra if metric not in ("auc", "ece") else ""
            for a, b in pairs:
                out += _pair_rows(measured, attribute, metric, (columns[a], columns[b]), note)
    return out


def _pair_rows(
    measured: Measured, attribute: Attribute, metric: str, pair: tuple[int, int], note: str
) -> list[Row]:
    a, b = pair
    k = INDEX[metric]
    name, group = f"{metric}_difference", f"{measured.cells[a].group}-{measured.cells[b].group}"
    findings = measured.predictions.findings
    values = measured.values[:, :, a, k] - measured.values[:, :, b, k]
    jackknife = measured.jackknife[:, :, a, k] - measured.jackknife[:, :, b, k]
    means = mean_over_findings(values)
    mean_jackknife = mean_over_findings(np.concatenate([values[:1], jackknife]))[1:]
    low, high = intervals(values, jackknife, measured)
    mean_low, mean_high = intervals(means, mean_jackknife, measured)
    p = np.where(np.isfinite(values[0]), bootstrap_p_value(values[1:]), np.nan)
    out = []
    for f, finding in enumerate(findings):
        figures = {"value": values[0, f], "ci_low": low[f], "ci_high": high[f], "p_value": p[f]}
        figures |= _delong(measured, metric, f, pair, values[0, f])
        why = resample_note(values[1:, f])
        if np.isnan(values[0, f]):
            why = f"undefined: {metric} undefined in a group"
        counts = _counts(measured, f, [a, b])
        out.append(
            row(name, finding, attribute.name, group, figures={**figures, **counts}, note=joined(why, note))
        )
    totals = [_counts(measured, f, [a, b]) for f in range(len(findings))]
    summed = {key: sum(t[key] for t in totals) for key in ("n", "n_positive")}
    defined = bool(np.isfinite(means[0]))
    text = joined(mean_note(values[0], findings), resample_note(means[1:]) if defined else "", note)
    mean_figures = {"value": means[0], "ci_low": mean_low, "ci_high": mean_high}
    mean_figures["p_value"] = bootstrap_p_value(means[1:]) if defined else np.nan
    return [*out, row(name, "mean", attribute.name, group, figures={**mean_figures, **summed}, note=text)]


def _delong(measured: Measured, metric: str, f: int, pair: tuple[int, int], value: float) -> dict[str, float]:
    if metric != "auc" or measured.settings.interval != "delong" or np.isnan(value):
        return {}
    size = measured.predictions.patients
    one, two = (
        auc_components(r.label, r.score, patient=r.unit, patients=size)
        for r in (measured.rows[f][c] for c in pair)
    )
    variance = auc_covariance(one, one) + auc_covariance(two, two) - 2 * auc_covariance(one, two)
    low, high = normal_interval(value, variance, level=measured.settings.level)
    return {"ci_low": low, "ci_high": high, "p_value": normal_p_value(value, variance)}
