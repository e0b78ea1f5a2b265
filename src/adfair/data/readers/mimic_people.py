"""Sex, age at the study and race of MIMIC patients, from MIMIC-IV's tables."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from adfair.data.readers.cells import age_of_parts
from adfair.data.readers.source import Statements
from adfair.data.readers.sources import join, need_file, read_columns
from adfair.data.validate import refuse
from adfair.errors import DataError

_FOLDERS = (".", "hosp", "core")
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T].*)?"


@dataclass(frozen=True)
class People:
    """What MIMIC-IV says of the patients of some images.

    Attributes:
        sex: [N] raw text.
        age: [N] years at the study as text, '' where unknown.
        race: one statement an admission, in the order of the table or of ``admittime`` where it is there.
        notes: how many patients are in no table.
    """

    sex: pd.Series
    age: pd.Series
    race: Statements
    notes: list[str]


def read_people(rows: pd.DataFrame, sources: list[Path]) -> People:
    """Look up the patients of images.

    Args:
        rows: [N] images with subject_id and StudyDate (YYYYMMDD).
        sources: one of them holds MIMIC-IV.

    Raises:
        DataError: a table is missing or not as expected.
    """
    file = need_file(sources, ["patients.csv"], inside=_FOLDERS, what="patients of MIMIC-IV")
    columns = ["subject_id", "gender", "anchor_age", "anchor_year"]
    patients = join(rows[["subject_id"]], read_columns(file, columns), on=["subject_id"], file=file)
    race = _admissions(sources)
    subjects = rows["subject_id"].drop_duplicates()
    unlisted = int(patients["gender"][subjects.index].eq("").sum())
    never = int((~subjects.isin(race.table["patient_id"])).sum())
    notes = [
        f"{unlisted:,} of {len(subjects):,} patients are not in {file.name}: sex and age unknown.",
        f"{never:,} of {len(subjects):,} patients have no admission: race unknown.",
    ]
    return People(sex=patients["gender"], age=_ages(rows, patients), race=race, notes=notes)


def _ages(rows: pd.DataFrame, patients: pd.DataFrame) -> pd.Series:
    """anchor_age + year of the study - anchor_year, as text; '' where a part is missing."""
    return age_of_parts([patients["anchor_age"], rows["StudyDate"].str[:4]], patients["anchor_year"])


def _admissions(sources: list[Path]) -> Statements:
    file = need_file(sources, ["admissions.csv"], inside=_FOLDERS, what="admissions of MIMIC-IV")
    table = read_columns(file, ["subject_id"], optional=["race", "ethnicity", "admittime"])
    column = next((name for name in ("race", "ethnicity") if name in table), None)
    if column is None:
        raise DataError.at(
            "lacks the column race (MIMIC-IV 2.0 and later) or ethnicity (before)",
            file=file,
            remedy="Is it admissions.csv.gz of MIMIC-IV?",
        )
    if "admittime" in table:
        times = table["admittime"]
        refuse(
            ~times.str.fullmatch(_TIME) & times.ne(""),
            "not a time such as 2180-05-06 22:23:00, by which the first admission is told",
            file=file,
            column="admittime",
            remedy="Give MIMIC-IV's own table; a spreadsheet may have rewritten its times.",
        )
        # An admission without a time comes last: it is not known to be the first.
        ordered = table.assign(untimed=times.eq("")).sort_values(
            ["subject_id", "untimed", "admittime"], kind="stable"
        )
        table = ordered.drop(columns="untimed")
    said = pd.DataFrame({"patient_id": table["subject_id"], "raw": table[column]})
    return Statements(said, file)
