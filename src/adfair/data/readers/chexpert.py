"""CheXpert (Irvin et al. 2019): images and labels of 64,540 patients, with the races of CHEXPERT DEMO.

    adfair import chexpert CheXpert-v1.0-small "CHEXPERT DEMO.xlsx" --out runs/chexpert

SOURCE is the folder with ``train.csv`` and ``valid.csv``, and optionally the table of demographics (.xlsx or .csv)
that Stanford AIMI gives out apart from it; without it the cohort has sex only. There are no reports. Rows are
counted over train.csv and then valid.csv.
"""

from pathlib import Path

import pandas as pd

from adfair.data.readers.chexpert_labels import FINDINGS, ids_of, view_of
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import Flow
from adfair.data.readers.source import Found, Statements
from adfair.data.readers.sources import best_root, find_file, folders_of, need_file, read_columns
from adfair.data.readers.spreadsheet import read_sheet
from adfair.errors import DataError

COLUMNS = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS)
DEMOGRAPHICS = ("CHEXPERT DEMO.xlsx", "CHEXPERT_DEMO.xlsx", "CHEXPERT DEMO.csv", "CHEXPERT_DEMO.csv")
_DEMO_COLUMNS = ("PATIENT", "PRIMARY_RACE", "ETHNICITY")
_FOLDERS = ("CheXpert-v1.0-small", "CheXpert-v1.0")
_PREFIX = r"^CheXpert-v1\.0(?:-small)?/"


def find(sources: list[Path], options: ReadOptions) -> Found:
    """Read CheXpert. Raises DataError naming the file, row and column that is not as expected."""
    options.choose_labels(["chexpert"], reader="chexpert")
    train = need_file(sources, ["train.csv"], inside=[".", *_FOLDERS], what="training table of CheXpert")
    valid = find_file([train.parent], ["valid.csv"])
    tables = {"train": train} | ({"val": valid} if valid else {})
    table = pd.concat(
        [read_columns(file, COLUMNS).assign(split=split) for split, file in tables.items()], ignore_index=True
    )
    paths = table["Path"].str.replace(_PREFIX, "", regex=True)
    rows = pd.concat([ids_of(paths), table[FINDINGS]], axis=1).assign(
        view=view_of(table["Frontal/Lateral"], table["AP/PA"]), age=table["Age"], split=table["split"]
    )
    rows["raw:sex"] = table["Sex"]
    file = train if valid is None else train.with_name("train.csv + valid.csv")
    png = paths.str.replace(r"\.[^./]+$", ".png", regex=True)
    root, rows["image_path"] = best_root([paths, png], roots=folders_of(sources, _FOLDERS), table=file)
    flow = Flow()
    flow.add(f"rows of {file.name}", rows, rows["patient_id"])
    statements, notes = _demographics(sources)
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


def _demographics(sources: list[Path]) -> tuple[dict[str, Statements], list[str]]:
    """Race and ethnicity by patient, or a note that nobody gave them."""
    file = find_file(sources, DEMOGRAPHICS, inside=[".", ".."])
    if file is None:
        return {}, ["No table of demographics (CHEXPERT DEMO.xlsx) was given: no race."]
    if file.suffix == ".xlsx":
        table = read_sheet(file)
        absent = [name for name in _DEMO_COLUMNS if name not in table]
        if absent:
            raise DataError.at(
                f"lacks the columns {', '.join(absent)}; found {', '.join(table.columns[:12])}",
                file=file,
                remedy="The first sheet has PATIENT, GENDER, AGE_AT_CXR, PRIMARY_RACE, ETHNICITY.",
            )
    else:
        table = read_columns(file, _DEMO_COLUMNS)
    columns = {"race": "PRIMARY_RACE", "ethnicity": "ETHNICITY"}
    said = {
        name: pd.DataFrame({"patient_id": table["PATIENT"], "raw": table[column]})
        for name, column in columns.items()
    }
    return {name: Statements(frame, file) for name, frame in said.items()}, []
