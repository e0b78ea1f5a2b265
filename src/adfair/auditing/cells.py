"""Cells of an audit (everyone, or one group) and their rows, sorted once by score."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from adfair.auditing.attributes import UNKNOWN
from adfair.auditing.predictions import Predictions
from adfair.metrics.calibration import Binning, bin_bounds, is_probability


@dataclass(frozen=True)
class Cell:
    """Everyone (``attribute`` empty) or one group; ``known`` is false for the unknown group."""

    attribute: str
    group: str
    rows: np.ndarray
    known: bool = True


@dataclass(frozen=True)
class SortedRows:
    """Rows of one finding in ascending order of score, as :mod:`adfair.metrics.lanes` wants them.

    ``start``: first row at or above the threshold, -1 without one; ``bounds``: calibration bins, None when
    the scores are not probabilities.
    """

    unit: np.ndarray
    label: np.ndarray
    score: np.ndarray
    tied: np.ndarray
    start: int
    bounds: np.ndarray | None

    @property
    def positives(self) -> int:
        """Number of rows with label 1."""
        return int(self.label.sum())

    @cached_property
    def single(self) -> bool:
        """Whether no unit has more than one row."""
        return bool(self.size == 0 or np.bincount(self.unit).max() == 1)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.label)


def list_cells(predictions: Predictions) -> list[Cell]:
    """The overall cell, then each attribute's groups in order, its unknown group last where there is one."""
    cells = [Cell("", "", np.ones(predictions.images, dtype=bool))]
    for attribute in predictions.attributes:
        cells += [Cell(attribute.name, g, attribute.codes == k) for k, g in enumerate(attribute.groups)]
        unknown = attribute.codes == -1
        if unknown.any():
            cells.append(Cell(attribute.name, UNKNOWN, unknown, known=False))
    return cells


def sort_rows(
    label: np.ndarray,
    score: np.ndarray,
    unit: np.ndarray,
    *,
    threshold: float = float("nan"),
    bins: int = 10,
    binning: Binning = "width",
) -> SortedRows:
    """Sort one finding's valid rows ([N] each) by score and mark ties, threshold and bins."""
    order = np.argsort(score, kind="stable")
    ascending = np.ascontiguousarray(score[order], dtype=np.float64)
    tied = np.zeros(ascending.size, dtype=bool)
    tied[:-1] = ascending[1:] == ascending[:-1]
    start = -1 if np.isnan(threshold) else int(np.searchsorted(ascending, threshold, side="left"))
    bounds = bin_bounds(ascending, bins=bins, binning=binning) if is_probability(ascending) else None
    return SortedRows(
        np.ascontiguousarray(unit[order], dtype=np.int32),
        np.ascontiguousarray(label[order], dtype=np.uint8),
        ascending,
        tied,
        start,
        bounds,
    )


def select_rows(rows: SortedRows, keep: np.ndarray) -> SortedRows:
    """The rows of ``keep`` (bool [N], in sorted order), still sorted, with the same threshold and bins."""
    score = rows.score[keep]
    tied = np.zeros(score.size, dtype=bool)
    tied[:-1] = score[1:] == score[:-1]
    kept_before = np.concatenate([[0], np.cumsum(keep)])
    start = -1 if rows.start < 0 else int(kept_before[rows.start])
    bounds = None if rows.bounds is None else kept_before[rows.bounds]
    return SortedRows(rows.unit[keep], rows.label[keep], score, tied, start, bounds)


def valid_rows(predictions: Predictions, finding: int, unit: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Image numbers with a usable label for the finding, a unit (>= 0) and ``mask`` true."""
    return np.flatnonzero((predictions.labels[:, finding] >= 0) & mask & (unit >= 0))


def finding_cells(
    predictions: Predictions,
    cells: list[Cell],
    thresholds: np.ndarray,
    *,
    unit: np.ndarray,
    bins: int,
    binning: Binning,
) -> list[list[SortedRows]]:
    """Sorted rows for each finding (outer) and cell (inner); one sort a finding."""
    everyone = np.ones(predictions.images, dtype=bool)
    table = []
    for f in range(len(predictions.findings)):
        valid = valid_rows(predictions, f, unit, everyone)
        score = predictions.scores[valid, f]
        order = valid[np.argsort(score, kind="stable")]
        rows = sort_rows(
            predictions.labels[order, f],
            predictions.scores[order, f],
            unit[order],
            threshold=thresholds[f],
            bins=bins,
            binning=binning,
        )
        table.append([select_rows(rows, c.rows[order]) for c in cells])
    return table
