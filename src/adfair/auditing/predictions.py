"""The audited table in memory: labels and scores by image and finding, patients and attributes by image."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from adfair.auditing.attributes import Attribute


@dataclass(frozen=True)
class Predictions:
    """Labels and scores of N images and F findings.

    ``image``: object [N], ids (row numbers when the table has none); ``patient``: int32 [N], 0 to patients -
    1;
    ``labels``: int8 [N, F], 1, 0 or -1 for left out; ``scores``: float64 [N, F], NaN where left out;
    ``attributes``: audited columns; ``strata``: columns to audit within; ``notes``: what a reader must know.
    """

    source: str
    image: np.ndarray
    patient: np.ndarray
    patients: int
    findings: tuple[str, ...]
    labels: np.ndarray
    scores: np.ndarray
    attributes: tuple[Attribute, ...]
    strata: tuple[Attribute, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.labels)

    def take(self, rows: np.ndarray) -> "Predictions":
        """A selection of images; patients are numbered anew."""
        kept, patient = np.unique(self.patient[rows], return_inverse=True)
        return replace(
            self,
            image=self.image[rows],
            patient=patient.astype(np.int32),
            patients=len(kept),
            labels=self.labels[rows],
            scores=self.scores[rows],
            attributes=tuple(a.take(rows) for a in self.attributes),
            strata=tuple(a.take(rows) for a in self.strata),
        )


def source_name(table: object) -> str:
    """How messages name a table: its path, or ``table`` for a data frame."""
    return str(table) if isinstance(table, (str, Path)) else "table"
