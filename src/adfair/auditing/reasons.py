"""Why a value is undefined, and what else a reader of one row must know."""

import numpy as np

from adfair.auditing.cells import SortedRows

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


def joined(*notes: str) -> str:
    """Non-empty notes, separated by semicolons."""
    return "; ".join(note for note in notes if note)
