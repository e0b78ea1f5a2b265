"""CheXpert (Irvin et al. 2019): images and labels of 64,540 patients, with the races of CHEXPERT DEMO.

    adfair import chexpert CheXpert-v1.0-small "CHEXPERT DEMO.xlsx" --out runs/chexpert

SOURCE is the folder with ``train.csv`` and ``valid.csv``, and optionally the table of demographics (.xlsx or .csv)
that Stanford AIMI gives out apart from it; without it the cohort has sex only. With ``groundtruth.csv``, the labels of
the official test set, its images become the split ``test``; it may also be given alone. There are no reports. Rows are
counted over train.csv, valid.csv and the images of groundtruth.csv.
"""

from pathlib import Path

import pandas as pd

from adfair.data.readers.chexpert_labels import FINDINGS, ids_of, view_of
from adfair.data.readers.chexpert_radiologists import GROUNDTRUTH, read_groundtruth
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import Flow
from adfair.data.readers.source import Found, Statements
from adfair.data.readers.sources import best_root, find_file, folders_of, need_file, read_columns
from adfair.data.readers.spreadsheet import read_sheet
from adfair.data.validate import shown
from adfair.errors import DataError

COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS)
DEMOGRAPHICS = ("CHEXPERT DEMO.xlsx", "CHEXPERT_DEMO.xlsx", "CHEXPERT DEMO.csv", "CHEXPERT_DEMO.csv")
_DEMO_COLUMNS = ("PATIENT", "PRIMARY_RACE", "ETHNICITY")
_FOLDERS = ("CheXpert-v1.0-small", "CheXpert-v1.0", "CheXpert")
_PREFIX = r"^CheXpert(?:-v1\.0(?:-small)?)?/"


def find(sources: list[Path], options: ReadOptions) -> Found:
    """Read CheXpert. Raises DataError naming the file, row and column that is not as expected."""
    options.choose_labels(["chexpert"], reader="chexpert")
    table, file = _images(sources)
    paths = table["Path"].str.replace(_PREFIX, "", regex=True)
    rows = pd.concat([ids_of(paths), table[FINDINGS]], axis=1).assign(
        view=view_of(table["Frontal/Lateral"], table["AP/PA"]), age=table["Age"], split=table["split"]
    )
    people = _demographics(sources)
    rows["raw:sex"] = table["Sex"] if people is None else _with_recorded_sex(table["Sex"], rows, people[0])
    png = paths.str.replace(r"\.[^./]+$", ".png", regex=True)
    root, rows["image_path"] = best_root([paths, png], roots=folders_of(sources, _FOLDERS), table=file)
    flow = Flow()
    flow.add(f"rows of {file.name}", rows, rows["patient_id"])
    statements, notes = _statements(people, rows["patient_id"])
    return Found(
        name="chexpert",
        source="CheXpert (Irvin et al. 2019), Stanford ML Group",
        licence="Stanford University Dataset Research Use Agreement",
        file=file,
        rows=rows,
        findings=FINDINGS,
        image_root=root,
        flow=flow,
        notes=notes,
        statements=statements,
        tables={"race": "race_chexpert", "ethnicity": "ethnicity_chexpert"},
    )


def _images(sources: list[Path]) -> tuple[pd.DataFrame, Path]:
    """The rows of all tables with the columns of train.csv and ``split``, and what to call them in messages."""
    inside = [".", *_FOLDERS]
    test = find_file(sources, [GROUNDTRUTH], inside=inside)
    what = "training table of CheXpert"
    train = find_file(sources, ["train.csv"], inside=inside)
    if train is None and test is None:
        train = need_file(sources, ["train.csv"], inside=inside, what=what)
    valid = find_file([train.parent], ["valid.csv"]) if train else None
    files = [file for file in (train, valid, test) if file]
    parts = [
        read_columns(each, COLUMNS).assign(split=split)
        for each, split in ((train, "train"), (valid, "val"))
        if each
    ]
    if test:
        parts.append(
            read_groundtruth(test, roots=folders_of(sources, _FOLDERS), prefix=_PREFIX).assign(split="test")
        )
    names = " + ".join(file.name for file in files)
    return pd.concat(parts, ignore_index=True).reindex(columns=[*COLUMNS, "split"]).fillna(""), files[
        0
    ].with_name(names)


def _demographics(sources: list[Path]) -> tuple[pd.DataFrame, Path] | None:
    """The table of demographics, None where nobody gave it."""
    file = find_file(sources, DEMOGRAPHICS, inside=[".", ".."])
    if file is None:
        return None
    if file.suffix != ".xlsx":
        return read_columns(file, _DEMO_COLUMNS, optional=["GENDER"]), file
    table = read_sheet(file)
    absent = [name for name in _DEMO_COLUMNS if name not in table]
    if absent:
        raise DataError.at(
            f"lacks the columns {', '.join(absent)}; found {', '.join(map(shown, table.columns[:12]))}",
            file=file,
            remedy="The first sheet has PATIENT, GENDER, AGE_AT_CXR, PRIMARY_RACE, ETHNICITY.",
        )
    return table, file


def _with_recorded_sex(stated: pd.Series, rows: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """The images' own sex, else that of the table of demographics: groundtruth.csv has none."""
    if "GENDER" not in people:
        return stated
    recorded = people.drop_duplicates("PATIENT").set_index("PATIENT")["GENDER"]
    known = rows["patient_id"].map(recorded).astype(object).fillna("")
    return stated.mask(stated.eq(""), known).astype(str)


def _statements(
    people: tuple[pd.DataFrame, Path] | None, patients: pd.Series
) -> tuple[dict[str, Statements], list[str]]:
    """Race and ethnicity by patient, and a note on how many have none."""
    if people is None:
        return {}, ["No table of demographics (CHEXPERT DEMO.xlsx) was given: no race."]
    table, file = people
    unlisted, every = patients[~patients.isin(table["PATIENT"])].nunique(), patients.nunique()
    notes = [f"{unlisted:,} of {every:,} patients are not in {file.name}: race unknown."] * bool(unlisted)
    columns = {"race": "PRIMARY_RACE", "ethnicity": "ETHNICITY"}
    said = {
        name: pd.DataFrame({"patient_id": table["PATIENT"], "raw": table[column]})
        for name, column in columns.items()
    }
    return {name: Statements(frame, file) for name, frame in said.items()}, notes
