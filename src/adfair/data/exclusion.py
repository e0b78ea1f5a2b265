"""Patients that training must not see, since a test set outside the cohort holds them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adfair.data.balance_certificate import list_hash
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

    Raises:
        DataError: a list that cannot be read, or of which no patient is in the cohort.
    """
    files = [*(cohort.root / name for name in cohort.info.exclude_patients), *map(Path, lists)]
    if not files:
        return cohort, {}
    listed = {file: read_patients(file) for file in files}
    known = set(cohort.table["patient_id"])
    for file, patients in listed.items():
        if patients and patients.isdisjoint(known):
            raise DataError.at(
                f"none of its {len(patients):,} patients is in the cohort {cohort.root}",
                file=file,
                remedy="Write ids as the cohort does (a merged cohort puts a name in front), or take the list out.",
            )
    patients = set().union(*listed.values())
    out = cohort.table["patient_id"].isin(patients) & cohort.table["split"].isin(FITTED_SPLITS)
    record = {
        "patients": len(patients),
        "patients_sha256": list_hash(patients),
        "images_left_out": cohort.table["split"][out].value_counts().sort_index().to_dict(),
    }
    table = cohort.table[~out].reset_index(drop=True)
    return replace(cohort, table=table), {"exclude_patients": record}
