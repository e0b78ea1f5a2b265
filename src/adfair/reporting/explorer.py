"""What the reader can turn: every finding, attribute and model of the group figures in one compact table.

``explore.js`` draws from it. Estimates are those of ``metrics.csv``; curves come from ``predictions.csv``.
"""

from typing import Any

import numpy as np

from adfair.auditing.predictions import Predictions
from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.operating import POINTS, Operating, operating
from adfair.reporting.packing import pack
from adfair.reporting.view import slot

METRICS = ("auc", "tpr", "fpr")
MANY, FEWER = 100, 41
"""Models times findings from which curves keep fewer points, so that the page stays below 8 MB (our choice)."""


def explorer(data: ReportData) -> dict[str, Any] | None:
    """Estimates and curves by model, finding and attribute; ``None`` when no attribute has groups."""
    shown = [a for a in (*data.attributes, *data.intersections) if data.groups(a)]
    if not shown:
        return None
    return {
        "models": [{"name": m, "label": model_label(m), "slot": slot(data, m)} for m in data.models],
        "findings": ["mean", *data.findings],
        "attributes": [{"name": a, "groups": data.groups(a)} for a in shown],
        "metrics": METRICS,
        "estimates": [[_estimates(data, m, a) for a in shown] for m in data.models],
        "curves": [[_curves(data, m, a) for a in shown] for m in data.models],
    }


def _estimates(data: ReportData, model: str, attribute: str) -> list[Any]:
    """By finding, metric and group: value, low, high and n, or the reason why there is none."""
    return [
        [
            [
                _estimate(data.get(metric, model=model, finding=f, attribute=attribute, group=g))
                for g in data.groups(attribute)
            ]
            for metric in METRICS
        ]
        for f in ("mean", *data.findings)
    ]


def _estimate(found: Estimate | None) -> list[Any] | str | None:
    if found is None or not found.defined:
        return None if found is None else found.note or "no reason recorded"
    # As many digits as are printed: with one more, the page's script would round what was rounded already.
    ends = [round(v, 3) if np.isfinite(v) else None for v in (found.low, found.high)]
    return [round(found.value, 3), *ends, int(found.n) if np.isfinite(found.n) else None]


def _curves(data: ReportData, model: str, attribute: str) -> list[Any] | None:
    """One entry a finding after the mean; ``None`` where the model's predictions do not hold it."""
    predictions = data.predictions.get(model)
    if predictions is None or attribute not in {a.name for a in predictions.attributes}:
        return None
    return [_curve(data, model, predictions, f, attribute) for f in data.findings]


def _curve(
    data: ReportData, model: str, predictions: Predictions, finding: str, attribute: str
) -> dict[str, Any] | None:
    if finding not in predictions.findings:
        return None
    points = POINTS if len(data.models) * len(data.findings) <= MANY else FEWER
    chosen = data.get("threshold", model=model, finding=finding)
    run = chosen.value if chosen and chosen.defined else None
    found = operating(predictions, finding, attribute, points=points, keep=run)
    start = int((found.cutoffs == run).argmax()) if found.cutoffs.size else 0
    return {
        "groups": found.groups,
        "at": [float(f"{v:.4g}") for v in found.cutoffs],
        "start": start,
        "flagged": _flagged(found, start),
        "run": None if run is None else float(f"{run:.4g}"),
        "tpr": [pack(row) for row in found.tpr],
        "fpr": [pack(row) for row in found.fpr],
        "n": [[int(p), int(n)] for p, n in zip(found.positives, found.negatives, strict=True)],
        "calibration": [_calibration(found, i) for i in range(len(found.groups))],
    }


def _flagged(found: Operating, at: int) -> list[list[int]]:
    """By group, images with and without the finding at or above one cut-off: packed rates of many are no counts."""
    if not found.cutoffs.size:
        return [[0, 0] for _ in found.groups]
    counts = [found.tpr[:, at] * found.positives, found.fpr[:, at] * found.negatives]
    return np.rint(np.nan_to_num(counts)).astype(int).T.tolist()


def _calibration(found: Operating, group: int) -> list[Any]:
    bins = found.calibration[group]
    return [pack(bins[:, 1]), pack(bins[:, 2]), [int(n) for n in bins[:, 0]]] if bins.size else []
