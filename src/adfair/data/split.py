"""Assign patients, never images, to splits."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from adfair.errors import ConfigError

DEFAULT_FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}


def split_patients(
    patient_ids: pd.Series, *, fractions: Mapping[str, float] = DEFAULT_FRACTIONS, seed: int = 0
) -> pd.Series:
    """A split for every row, the same for all rows of a patient.

    Depends on the set of patients and the seed, not on the order or number of their rows.

    Args:
        patient_ids: [N] ids.
        fractions: split -> share of the patients; positive, summing to 1.
        seed: of the shuffle.

    Returns:
        [N] split names with the index of ``patient_ids``.

    Raises:
        ConfigError: a fraction is not positive or they do not sum to 1.
    """
    shares = np.array(list(fractions.values()), dtype=float)
    if not len(shares) or (shares <= 0).any() or abs(shares.sum() - 1) > 1e-9:
        raise ConfigError(
            "split fractions: expected positive numbers that sum to 1, as in train 0.7, val 0.1, test 0.2"
        )
    patients = np.sort(patient_ids.unique().astype(object))
    order = np.random.default_rng(seed).permutation(len(patients))
    ends = np.round(np.cumsum(shares) * len(patients)).astype(int)
    names = np.array(list(fractions), dtype=object)
    assigned = names[np.searchsorted(ends, np.arange(len(patients)), side="right")]
    return patient_ids.map(dict(zip(patients[order], assigned, strict=True)))
