"""Rows of ``metrics.csv`` for gaps between groups, with their chance level."""

import numpy as np

from adfair.auditing.attributes import Attribute
from adfair.auditing.chance import Null, attribute_units, permute
from adfair.auditing.gaps import GAPS, Gap, gap_values, usable_groups
from adfair.auditing.measure import Measured
from adfair.auditing.reasons import few_note, joined, mean_note, resample_note, small_groups
from adfair.auditing.rows import Row, mean_over_findings, row, wanted
from adfair.auditing.statistics import INDEX
from adfair.metrics.intervals import gap_interval, permutation_p_value

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
        several = units.split_patients
        split = f"{measured.settings.told(several)} patients change group" if several else ""
        for gap in gaps:
            note = joined(split, extra if gap.name in THRESHOLDED else "")
            out += _rows_of_gap(measured, attribute, gap, null, note)
    return out


def _overlap_note(gap: Gap, null: Null | None, kind: str) -> str:
    share = 1.0 if null is None else null.overlap["selection" if gap.null == "selection" else kind]
    if share >= 0.5:
        return ""
    alike = "number of images" if gap.null == "selection" else "findings and number of images"
    return f"chance level and p: {100 * share:.0f} % of the patients have a like in another group by {alike}"


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
        if len(known) > 1 and np.isnan(values[0, f]):
            why = f"undefined: {' or '.join(gap.needs)} is 0 in every group"
        figures = _figures(values[:, f], own[:, f], gap, measured)
        counts = counts_of(measured, f, known)
        resampled = resample_note(values[1:, f]) if np.isfinite(values[0, f]) else ""
        few = _few(measured, f, known, gap) if len(known) > 1 else ""
        text = joined(why, resampled, few, _overlap_note(gap, null, "labelled"), note)
        out.append(row(gap.name, name, attribute.name, figures={**figures, **counts}, note=text))
    mean = mean_over_findings(values)
    kept = np.isfinite(values[0])
    null_mean = joint[:, kept].mean(axis=1) if kept.any() else np.full(len(joint), np.nan)
    totals = [counts_of(measured, f, columns) for f in range(len(findings))]
    counts = {key: sum(t[key] for t in totals) for key in ("n", "n_positive")}
    partly = [u for u in usable if 2 <= u.sum() < len(columns)]
    missing = [measured.cells[c].group for k, c in enumerate(columns) if any(not u[k] for u in partly)]
    without = f"without {', '.join(missing)} where undefined" if missing else ""
    resampled = resample_note(mean[1:]) if kept.any() else ""
    alike = _overlap_note(gap, null, "joint" if len(findings) > 1 else "labelled")
    entering = [c for k, c in enumerate(columns) if any(u[k] for u in usable)] if kept.any() else []
    small = small_groups(measured, entering)
    text = joined(mean_note(values[0], findings), without, resampled, small, alike, note)
    figures = _figures(mean, null_mean, gap, measured)
    return [*out, row(gap.name, "mean", attribute.name, figures={**figures, **counts}, note=text)]


def _few(measured: Measured, finding: int, cells: list[int], gap: Gap) -> str:
    return joined(small_groups(measured, cells), few_note(measured, finding, cells, gap.needs))


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


def counts_of(measured: Measured, f: int, columns: list[int]) -> dict[str, int]:
    """``n`` and ``n_positive`` of a finding over cells: rows that enter, a row of two cells twice."""
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
