"""The rules a manifest keeps, each a vectorised check that names the first row that breaks it.

Rows are counted as data rows from 1 (the header is not counted), by the index of the table: an import that
has dropped rows still names those of its source. Messages name rows instead of patients, and never quote a
report.
"""

import posixpath
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.data.paths import outside_by_text
from adfair.data.schema import MAX_AGE, OPTIONAL_COLUMNS, REQUIRED_COLUMNS, UNKNOWN, CohortInfo
from adfair.errors import DataError

LABELS = {"1": 1.0, "0": 0.0, "-1": -1.0, "1.0": 1.0, "0.0": 0.0, "-1.0": -1.0, "": np.nan}
"""Cell of a finding column -> present, absent, uncertain, not mentioned."""

_NUMBER = r"[0-9]{1,3}(?:\.[0-9]*)?"
_SHOWN_ROWS = 4
_SHOWN_CHARACTERS, _NAME_CHARACTERS = 24, 48


def refuse(bad: pd.Series, what: str | Callable[[int], str], *, file: Path, column: str, remedy: str) -> None:
    """Raise for the first row where ``bad`` is true, and say which other rows are.

    Args:
        bad: [N] booleans in manifest order; its index + 1 is the row number.
        what: the fault, or a function from the position (0-based) of the first bad row to the fault.
    """
    rows = np.flatnonzero(bad.to_numpy(dtype=bool))
    if not len(rows):
        return
    numbers = bad.index.to_numpy()[rows] + 1
    text = what if isinstance(what, str) else what(int(rows[0]))
    others = [str(number) for number in numbers[1:_SHOWN_ROWS]]
    if len(rows) > _SHOWN_ROWS:
        others.append(f"{len(rows) - _SHOWN_ROWS:,} more")
    also = f" (also row {', '.join(others)})" if others else ""
    raise DataError.at(text + also, file=file, row=int(numbers[0]), column=column, remedy=remedy)


def validate_table(table: pd.DataFrame, info: CohortInfo, *, file: Path) -> pd.DataFrame:
    """Check a manifest of text cells against its declaration and give its columns their types.

    Args:
        table: [N] rows of strings, absent cells empty (``read_text_table``).
        info: the declaration.
        file: named in messages.

    Returns:
        The same rows: findings and age float64 (NaN = not mentioned, not known), groups with ``Unknown`` for
        empty cells, everything else text.

    Raises:
        DataError: the first fault, with its row, column and remedy.
    """
    _require_columns(table, info, file=file)
    table = table.assign(**{name: "" for name in OPTIONAL_COLUMNS if name not in table})
    _check_ids(table, file=file)
    _check_splits(table, info, file=file)
    check_patients(table, file=file)
    _check_paths(table, file=file)
    _check_reports(table, file=file)
    typed = {name: _groups(table, name, info.attributes[name], file=file) for name in info.attributes}
    typed |= {name: _finding(table, name, file=file) for name in info.findings}
    return table.assign(**typed, age=_age(table, file=file))


def _require_columns(table: pd.DataFrame, info: CohortInfo, *, file: Path) -> None:
    kinds = dict.fromkeys(REQUIRED_COLUMNS, "a manifest needs this column")
    kinds |= dict.fromkeys(info.attributes, "this sensitive attribute is declared in cohort.yaml")
    kinds |= dict.fromkeys(info.findings, "this finding is declared in cohort.yaml")
    for name, why in kinds.items():
        if name not in table:
            remedy = "Add the column (cells may be empty where nothing is known) or correct its name."
            raise DataError.at(f"the column is absent; {why}", file=file, column=name, remedy=remedy)
    if table.empty:
        raise DataError.at("the table has no rows", file=file, remedy="A cohort has at least one image.")


def _check_ids(table: pd.DataFrame, *, file: Path) -> None:
    for column in ("image_id", "patient_id"):
        cells = table[column]
        remedy = f"Give every row its {column}, without blanks around it."
        refuse(cells.str.strip().eq(""), "the cell is empty", file=file, column=column, remedy=remedy)
        refuse(cells.ne(cells.str.strip()), "blanks around the id", file=file, column=column, remedy=remedy)
    ids = table["image_id"]
    refuse(
        ids.duplicated(),
        lambda row: f"this image_id is already used in row {_first_row(ids, row)}",
        file=file,
        column="image_id",
        remedy="Remove one of the rows or give it an id of its own.",
    )


def _first_row(cells: pd.Series, row: int) -> int:
    return int(cells.index[(cells == cells.iloc[row]).to_numpy()][0]) + 1


def _check_splits(table: pd.DataFrame, info: CohortInfo, *, file: Path) -> None:
    cells = table["split"]
    refuse(
        ~cells.isin(info.splits),
        lambda row: f"unknown split '{shown(cells.iloc[row])}'",
        file=file,
        column="split",
        remedy=f"Use one of {', '.join(info.splits)}, or add the name to 'splits' in cohort.yaml.",
    )


def check_patients(table: pd.DataFrame, *, file: Path) -> None:
    """Refuse a patient with images in two splits, whichever they are.

    Two test sets must not share one either: comparisons across sets take their patients as independent.

    Raises:
        DataError: names the row and the earlier row of the same patient.
    """
    codes, _ = pd.factorize(table["patient_id"])
    splits, names = pd.factorize(table["split"])
    _, first = np.unique(codes, return_index=True)
    first_split = splits[first][codes]

    def fault(row: int) -> str:
        earlier = f"'{names[first_split[row]]}' (row {table.index[first[codes[row]]] + 1})"
        return f"the patient of this row is in split '{names[splits[row]]}' and also in {earlier}"

    remedy = "Put all images of a patient into one split."
    refuse(
        pd.Series(splits != first_split, index=table.index),
        fault,
        file=file,
        column="patient_id",
        remedy=remedy,
    )


def _check_paths(table: pd.DataFrame, *, file: Path) -> None:
    paths = table["image_path"]
    refuse(
        outside_by_text(paths),
        "not a path inside the cohort",
        file=file,
        column="image_path",
        remedy="Write it relative to the cohort folder (or its image_root), as in images/0001.png.",
    )
    patients, _ = pd.factorize(table["patient_id"])
    odd = paths.str.contains(r"(?:^|/)\.?/")  # ./a.png is a.png
    codes, _ = pd.factorize(paths.mask(odd, paths[odd].map(posixpath.normpath)))
    _, first = np.unique(codes, return_index=True)
    refuse(
        pd.Series(patients != patients[first][codes], index=table.index),
        lambda row: f"the same file belongs to another patient in row {table.index[first[codes[row]]] + 1}",
        file=file,
        column="image_path",
        remedy="Correct image_path or patient_id in one of the rows.",
    )


def _check_reports(table: pd.DataFrame, *, file: Path) -> None:
    empty = table["report"].str.strip().eq("")
    if empty.all():
        return
    remedy = (
        "Give the row its report or drop it; a cohort without any report leaves the whole column empty, and "
        "sentences are then made from its labels."
    )
    refuse(empty, "the report is empty", file=file, column="report", remedy=remedy)


def _groups(table: pd.DataFrame, column: str, groups: list[str], *, file: Path) -> pd.Series:
    cells = table[column].replace("", UNKNOWN)
    refuse(
        ~cells.isin([*groups, UNKNOWN]),
        lambda row: f"group '{shown(cells.iloc[row])}' is not declared",
        file=file,
        column=column,
        remedy=f"Use one of {', '.join(groups)}, leave it empty for unknown, or declare it in cohort.yaml.",
    )
    return cells


def _finding(table: pd.DataFrame, column: str, *, file: Path) -> pd.Series:
    cells = table[column]
    refuse(
        ~cells.isin(list(LABELS)),
        lambda row: f"label '{shown(cells.iloc[row])}' is none of 1, 0, -1 and empty",
        file=file,
        column=column,
        remedy="Write 1 for present, 0 for absent, -1 for uncertain, nothing for not mentioned.",
    )
    return cells.map(LABELS).astype(float)


def _age(table: pd.DataFrame, *, file: Path) -> pd.Series:
    cells = table["age"]
    known = cells.ne("")
    numeric = cells.str.fullmatch(_NUMBER)
    years = pd.to_numeric(cells.where(numeric, "nan"), errors="coerce").astype(float)
    refuse(
        known & ~(numeric & years.le(MAX_AGE)),
        lambda row: f"age '{shown(cells.iloc[row])}' is not a number of years from 0 to {MAX_AGE:.0f}",
        file=file,
        column="age",
        remedy="Write the age in years, and leave the cell empty where it is not known.",
    )
    return years


def shown(cell: str, *, most: int = _SHOWN_CHARACTERS) -> str:
    """A cell as a message may print it: whole where it is short, without characters that steer a terminal.

    A longer one may be a report in the wrong column, of which not even the beginning is printed.
    """
    if len(cell) > most:
        return f"({len(cell):,} characters)"
    return "".join(c if c.isprintable() else "�" for c in cell)


def shown_name(name: str) -> str:
    """A name, of a column or of a file of the data set, as a message may print it; see :func:`shown`."""
    return shown(name, most=_NAME_CHARACTERS)
