"""Measure a table once: base metrics of every finding and cell, observed and resampled."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from adfair.auditing.cells import Cell, SortedRows, finding_cells, list_cells
from adfair.auditing.predictions import Predictions
from adfair.auditing.settings import Settings
from adfair.auditing.statistics import bootstrap_fill, jackknife_fill, mark_underdiagnosis, replicate

_JACKKNIFE_LIMIT = 5000


@dataclass(frozen=True)
class Measured:
    """Base metrics of one table.

    ``rows``: [F][C] sorted rows; ``values``: [1 + R, F, C, M], replicate 0 is the observed table;
    ``jackknife``: [J, F, C, M], J = 0 unless asked for.
    """

    predictions: Predictions
    cells: list[Cell]
    rows: list[list[SortedRows]]
    values: np.ndarray
    jackknife: np.ndarray
    thresholds: np.ndarray
    settings: Settings

    @property
    def observed(self) -> np.ndarray:
        """Observed base metrics [F, C, M]."""
        return self.values[0]

    def columns(self, attribute: str, *, known: bool = True) -> list[int]:
        """Cell numbers of an attribute's groups."""
        return [c for c, cell in enumerate(self.cells) if cell.attribute == attribute and cell.known == known]

    @cached_property
    def patients_by_class(self) -> np.ndarray:
        """Distinct patients [F, C, 3] of each finding and cell: with a row at all, a negative row, a positive row."""
        cells = [[_patients(r.unit, r.label) for r in row] for row in self.rows]
        return np.array(cells, dtype=int).reshape(len(self.rows), len(self.cells), 3)

    def fewest(self, finding: int, cell: int) -> int:
        """As :func:`fewest_patients`, of a finding in a cell."""
        rows = self.rows[finding][cell]
        return fewest_patients(rows.unit, rows.label)

    @cached_property
    def patients_in(self) -> list[int]:
        """Number of distinct patients of each cell."""
        return [int(np.count_nonzero(np.bincount(self.predictions.patient[c.rows]))) for c in self.cells]


def _patients(unit: np.ndarray, label: np.ndarray) -> list[int]:
    """Distinct patients among rows [N]: all, with a negative row, with a positive row."""
    return [int(np.count_nonzero(np.bincount(u))) for u in (unit, unit[label == 0], unit[label == 1])]


def fewest_patients(unit: np.ndarray, label: np.ndarray) -> int:
    """The smallest number of patients, not 0, that a figure of rows [N] gives away: of all, with or without the
    finding."""
    return min((count for count in _patients(unit, label) if count), default=len(unit))


def measure(predictions: Predictions, thresholds: np.ndarray, settings: Settings) -> Measured:
    """Sort once, then evaluate the observed table and every bootstrap resample of its patients."""
    unit, offsets = _strata(predictions, settings)
    cells = list_cells(predictions)
    rows = finding_cells(
        predictions, cells, thresholds, unit=unit, bins=settings.ece_bins, binning=settings.ece_binning
    )
    values = replicate(
        rows,
        bootstrap_fill(offsets, settings.seed),
        units=predictions.patients,
        total=1 + settings.replicates,
        threads=settings.workers,
    )
    jackknife = np.empty((0, *values.shape[1:]))
    if settings.interval == "bca":
        chosen = _jackknife_units(predictions.patients, settings.seed)
        jackknife = replicate(
            rows,
            jackknife_fill(chosen),
            units=predictions.patients,
            total=len(chosen),
            threads=settings.workers,
        )
    for array in (values, jackknife):
        mark_underdiagnosis(array, predictions.findings)
    return Measured(predictions, cells, rows, values, jackknife, thresholds, settings)


def _strata(predictions: Predictions, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Unit of each image and the strata's bounds: ``stratified`` draws patients within their profile."""
    if not settings.stratified or not predictions.attributes:
        return predictions.patient, np.array([0, predictions.patients], dtype=np.int64)
    profile = np.zeros((predictions.patients, len(predictions.attributes)), dtype=np.int64)
    for k, attribute in enumerate(predictions.attributes):
        # A patient whose group changes between images is drawn with the patients of its highest code.
        np.maximum.at(profile[:, k], predictions.patient, attribute.codes.astype(np.int64) + 1)
    _, stratum, counts = np.unique(profile, axis=0, return_inverse=True, return_counts=True)
    place = np.empty(predictions.patients, dtype=np.int32)
    place[np.argsort(stratum.reshape(-1), kind="stable")] = np.arange(predictions.patients)
    return place[predictions.patient], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _jackknife_units(patients: int, seed: int) -> np.ndarray:
    """Patients to leave out in turn: all, or 5,000 at random where the skewness needs no more."""
    if patients <= _JACKKNIFE_LIMIT:
        return np.arange(patients)
    return np.sort(np.random.default_rng(seed).choice(patients, _JACKKNIFE_LIMIT, replace=False))
