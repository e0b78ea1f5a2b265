"""Why a value is undefined, and what else a reader of one row must know."""

from collections.abc import Sequence

import numpy as np

from adfair.auditing.cells import SortedRows
from adfair.auditing.measure import Measured

SMALL = "small group"
_MEAN = "mean over"
_NEEDS_POSITIVES = frozenset({"auc", "auprc", "tpr", "fnr"})
_NEEDS_NEGATIVES = frozenset({"auc", "fpr", "tnr"})
_PROBABILITIES = frozenset({"brier", "ece"})


def undefined_reason(metric: str, rows: SortedRows) -> str:
    """The reason why a base metric of these rows is undefined."""
    if rows.size == 0:
        return "undefined: no labelled rows"
    if metric in _PROBABILITIES and rows.bounds is None:
        return "undefined: scores are not probabilities in 0-1"
    if metric not in ("auc", "auprc", "brier", "ece") and rows.start < 0:
        return "undefined: no threshold"
    if metric in _NEEDS_POSITIVES and rows.positives == 0:
        return "undefined: no positives"
    if metric in _NEEDS_NEGATIVES and rows.positives == rows.size:
        return "undefined: no negatives"
    if metric == "underdiagnosis_rate":
        return "undefined: nobody could be underdiagnosed (a class is absent)"
    return f"undefined: nothing was called {'positive' if metric == 'ppv' else 'negative'}"


def resample_note(replicates: np.ndarray) -> str:
    """How many resamples ([R]) left the metric undefined, when any did."""
    missing = int((~np.isfinite(replicates)).sum())
    if not missing:
        return ""
    tail = "" if missing * 2 <= replicates.size else ", too many for an interval"
    return f"{missing} of {replicates.size} resamples undefined{tail}"


def small_note(measured: Measured, cell: int) -> str:
    """That a cell has few patients; empty where it has enough."""
    patients, least = measured.patients_in[cell], measured.settings.min_group
    return f"{SMALL}: {patients} patients, fewer than {least}" if patients < least else ""


def small_groups(measured: Measured, cells: Sequence[int]) -> str:
    """Which of the cells that a figure compares have few patients; empty where all have enough."""
    least = measured.settings.min_group
    few = [(measured.cells[c].group, size) for c in cells if (size := measured.patients_in[c]) < least]
    return joined(*(f"{SMALL}: {group}, {size} patients, fewer than {least}" for group, size in few))


def few_note(measured: Measured, finding: int, cells: Sequence[int], metrics: Sequence[str]) -> str:
    """Of which cells the metrics rest on few positive or few negative patients; empty where on enough, or on none.

    Cells that are small altogether are left to the notes on small groups. Intervals under-cover below that: the page on
    metrics gives by how much.
    """
    least, said = measured.settings.min_group, []
    for k, (name, needs) in enumerate((("negatives", _NEEDS_NEGATIVES), ("positives", _NEEDS_POSITIVES)), 1):
        for c in cells:
            patients, enough = measured.patients_by_class[finding, c, k], measured.patients_in[c] >= least
            if needs & {*metrics} and enough and 0 < patients < least:
                where = f" in {measured.cells[c].group}" if len(cells) > 1 else ""
                said.append(
                    f"few {name}{where}: {patients} patient{'' if patients == 1 else 's'}, fewer than {least}"
                )
    return joined(*said)


def mean_over(note: str) -> str:
    """Which findings a mean leaves out, as its note has it; empty where it is over all. Means compare where this agrees."""
    return next((part for part in note.split("; ") if part.startswith(_MEAN)), "")


def mean_note(observed: np.ndarray, findings: tuple[str, ...]) -> str:
    """Which findings ([F] observed values) a mean leaves out because they are undefined."""
    missing = [name for name, value in zip(findings, observed, strict=True) if np.isnan(value)]
    if not missing:
        return ""
    if len(missing) == len(findings):
        return "undefined: undefined for every finding"
    kept = len(findings) - len(missing)
    return f"{_MEAN} {kept} of {len(findings)} findings, undefined: {', '.join(missing)}"


def joined(*notes: str) -> str:
    """Non-empty notes, separated by semicolons."""
    return "; ".join(note for note in notes if note)
