"""Two attributes crossed: from the table where the audit has them, else computed from the predictions."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from adfair.auditing.attributes import Attribute
from adfair.auditing.predictions import Predictions
from adfair.metrics.ranking import auc
from adfair.reporting.data import NAN, Estimate, ReportData

FEW = 10
"""Patients below which a cell computed here is left out, as the audit's ``--min-group`` does by default."""


@dataclass(frozen=True)
class Crossing:
    """``cells[metric][row][column]`` of one model; ``audited`` where they come from the table, with intervals."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[str, list[list[Estimate | None]]]
    audited: bool


def crossing(data: ReportData, model: str, pair: tuple[str, str]) -> Crossing | None:
    """AUC, true and false positive rate, mean over findings, in each cell of two attributes."""
    name = next((n for n in ("*".join(pair), "*".join(pair[::-1])) if n in data.intersections), None)
    return _audited(data, model, pair, name) if name else _computed(data, model, pair)


def _audited(data: ReportData, model: str, pair: tuple[str, str], name: str) -> Crossing:
    rows, columns = (data.groups(a) for a in pair)
    swapped = name != "*".join(pair)

    def one(metric: str, row: str, column: str) -> Estimate | None:
        group = f"{column}*{row}" if swapped else f"{row}*{column}"
        return data.get(metric, model=model, attribute=name, group=group)

    return Crossing(rows, columns, _grid(rows, columns, one), audited=True)


def _grid(
    rows: tuple[str, ...], columns: tuple[str, ...], one: Callable[[str, str, str], Estimate | None]
) -> dict[str, list[list[Estimate | None]]]:
    return {m: [[one(m, r, c) for c in columns] for r in rows] for m in ("auc", "tpr", "fpr")}


def _computed(data: ReportData, model: str, pair: tuple[str, str]) -> Crossing | None:
    found = data.predictions.get(model)
    held = {a.name: a for a in found.attributes} if found else {}
    if found is None or not set(pair) <= set(held):
        return None
    first, second = (held[a] for a in pair)
    chosen = [data.get("threshold", model=model, finding=f) for f in found.findings]
    at = np.array([c.value if c else NAN for c in chosen])
    grids: dict[tuple[str, str], dict[str, Estimate]] = {
        (r, c): _cell(found, at, _members(first, r) & _members(second, c))
        for r, c in product(first.groups, second.groups)
    }
    cells = _grid(first.groups, second.groups, lambda m, r, c: grids[r, c][m])
    return Crossing(first.groups, second.groups, cells, audited=False)


def _members(attribute: Attribute, group: str) -> np.ndarray:
    return attribute.codes == attribute.groups.index(group)


def _cell(found: Predictions, at: np.ndarray, members: np.ndarray) -> dict[str, Estimate]:
    size = int(members.sum())
    if len(np.unique(found.patient[members])) < FEW:
        return {m: Estimate(NAN, n=size, note=f"fewer than {FEW} patients") for m in ("auc", "tpr", "fpr")}
    values: dict[str, list[float]] = {"auc": [], "tpr": [], "fpr": []}
    for column, threshold in enumerate(at):
        known = members & (found.labels[:, column] >= 0)
        y, score = found.labels[known, column], found.scores[known, column]
        values["auc"].append(auc(y, score))
        for metric, side in (("tpr", 1), ("fpr", 0)):
            side_scores = score[y == side]
            defined = side_scores.size and not np.isnan(threshold)
            values[metric].append(float((side_scores >= threshold).mean()) if defined else NAN)
    return {m: _mean(v, size) for m, v in values.items()}


def _mean(values: list[float], size: int) -> Estimate:
    defined = [v for v in values if not np.isnan(v)]
    if not defined:
        return Estimate(NAN, n=size, note="undefined for every finding")
    return Estimate(float(np.mean(defined)), n=size)
