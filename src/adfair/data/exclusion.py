"""Patients that training must not see, since a test set outside the cohort holds them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adfair.data.manifest import Cohort, read_cohort
from adfair.data.tables import read_text_table
from adfair.errors import DataError

EXCLUDE_FILE = "exclude_patients.csv"
FITTED_SPLITS = ("train", "val")
"""Splits that shape a model: it is fitted to one and chosen by the other."""


def read_patients(path: Path) -> set[str]:
    """The patients of a list, or of a cohort folder (its list where it has one, else everyone in it).

    Raises:
        DataError: there is no such file, or it has no column ``patient_id``.
    """
    file = path / EXCLUDE_FILE if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        return set(read_cohort(path).table["patient_id"])
    if not file.is_file():
        raise DataError.at(
            "no such list of patients to leave out of training",
            file=file,
            remedy="Put it back, or take it out of exclude_patients in cohort.yaml and data.exclude_patients.",
        )
    table = read_text_table(file)
    if "patient_id" not in table:
        raise DataError.at(
            "the column is absent", file=file, column="patient_id", remedy="Name it in the header."
        )
    return set(table["patient_id"]) - {""}


def without_excluded(cohort: Cohort, lists: Sequence[Path] = ()) -> tuple[Cohort, dict[str, Any]]:
    """Leave the listed patients out of the splits that models are fitted to and chosen by.

    Args:
        cohort: its own ``exclude_patients`` count too.
        lists: more of them, see ``read_patients``.

    Returns:
        The cohort without them, the same object where nothing is listed; and what to keep with a run: how many
        patients are listed, the hash of their ids, and images left out by split. Empty where nothing is listed.
    """
    files = [*(cohort.root / name for name in cohort.info.exclude_patients), *map(Path, lists)]
    if not files:
        return cohort, {}
    patients = set().union(*map(read_patients, files))
    out = cohort.table["patient_id"].isin(patients) & cohort.table["split"].isin(FITTED_SPLITS)
    record = {
        "patients": len(patients),
        "patients_sha256": hashlib.sha256("\n".join(sorted(patients)).encode()).hexdigest(),
        "images_left_out": cohort.table["split"][out].value_counts().sort_index().to_dict(),
    }
    table = cohort.table[~out].reset_index(drop=True)
    return Cohort(root=cohort.root, info=cohort.info, table=table), {"exclude_patients": record}
