"""Assign patients, never images, to splits."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from adfair.data.schema import UNKNOWN
from adfair.errors import ConfigError

DEFAULT_FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}


def split_patients(
    patient_ids: pd.Series,
    *,
    fractions: Mapping[str, float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    strata: pd.DataFrame | None = None,
) -> pd.Series:
    """A split for every row, the same for all rows of a patient.

    Depends on the set of patients and the seed, not on the order or number of their rows.

    Args:
        patient_ids: [N] ids.
        fractions: split -> share of the patients; positive, summing to 1.
        seed: of the shuffle.
        strata: [N] rows, any number of columns of groups and of findings (``stratum_columns``): every value of every
            column is shared out in these proportions too, rare ones first. Without it the shuffle alone decides.

    Returns:
        [N] split names with the index of ``patient_ids``.

    Raises:
        ConfigError: a split has no name, a fraction is not positive, or they do not sum to 1.
    """
    shares = np.array(list(fractions.values()), dtype=float)
    named = all(name and name == name.strip() for name in fractions)
    # Written so that NaN, which is not above 0 and near nothing, is refused too.
    if not (len(shares) and named and (shares > 0).all() and abs(shares.sum() - 1) <= 1e-9):
        raise ConfigError(
            "split fractions: expected positive numbers that sum to 1 under names, as in train 0.7, val 0.1, test 0.2"
        )
    patients = np.sort(patient_ids.unique().astype(object))
    order = np.random.default_rng(seed).permutation(len(patients))
    ends = np.round(np.cumsum(shares) * len(patients)).astype(int)
    names = np.array(list(fractions), dtype=object)
    if strata is not None:
        holds = _patient_labels(patient_ids, strata, patients[order])
        return patient_ids.map(dict(zip(patients[order], names[_stratify(holds, shares)], strict=True)))
    assigned = names[np.searchsorted(ends, np.arange(len(patients)), side="right")]
    return patient_ids.map(dict(zip(patients[order], assigned, strict=True)))


def stratum_columns(
    table: pd.DataFrame, *, attributes: Sequence[str], findings: Sequence[str]
) -> pd.DataFrame:
    """The strata of a cohort: the intersection of its attributes, and within it each finding that is present.

    Args:
        table: [N] rows of a cohort, findings as numbers or text.
    """
    cell = pd.Series("", index=table.index)
    for name in attributes:
        cell = cell + "*" + table[name].replace("", UNKNOWN).astype(str)
    columns = {"cell": cell}
    for name in findings:
        columns[name] = cell.where(pd.to_numeric(table[name], errors="coerce").eq(1), "")
    return pd.DataFrame(columns)


def _patient_labels(patient_ids: pd.Series, strata: pd.DataFrame, patients: np.ndarray) -> np.ndarray:
    """bool [P, K]: which values of which column any row of a patient has; empty text is no value."""
    parts = []
    for name in strata.columns:
        own = pd.DataFrame({"patient": patient_ids, "value": strata[name].astype(str)})
        own = own[own["value"].ne("")]
        parts.append(pd.crosstab(own["patient"], own["value"]).reindex(patients, fill_value=0).to_numpy() > 0)
    return np.concatenate(
        [part for part in parts if part.size] or [np.zeros((len(patients), 0), bool)], axis=1
    )


def _stratify(holds: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The split of each patient, int [P].

    The rarest label that is left first; each of its patients goes to the split that lacks most of this label, then to
    the one that lacks most patients. Source: Sechidis et al. 2011, "On the stratification of multi-label data",
    algorithm 1. Ties go to the split named first (our choice; the order of patients is already random).
    """
    lacks, room = np.outer(shares, holds.sum(axis=0)), shares * len(holds)
    split = np.full(len(holds), -1)
    left = holds.sum(axis=0).astype(float)
    while (left > 0).any():
        label = int(np.where(left > 0, left, np.inf).argmin())
        for patient in np.flatnonzero(holds[:, label] & (split < 0)):
            best = max(range(len(shares)), key=lambda s: (lacks[s, label], room[s]))
            split[patient] = best
            lacks[best, holds[patient]] -= 1
            room[best] -= 1
        left = holds[split < 0].sum(axis=0).astype(float)
    for patient in np.flatnonzero(split < 0):
        split[patient] = int(room.argmax())
        room[split[patient]] -= 1
    return split
