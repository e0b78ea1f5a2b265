"""A predictions file -> a data frame of text and numbers: CSV of any common separator, or Parquet."""

import csv
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.errors import DataError

_IDS = {
    "patientid": "patient_id",
    "subjectid": "patient_id",
    "studyid": "study_id",
    "imageid": "image_id",
}
"""Names of id columns as others write them, without case and punctuation, and ours."""
_NUMERIC = ("label", "score", "prob", "label_value", "threshold")


def read_table(path: Path | str) -> pd.DataFrame:
    """Read a CSV (comma, semicolon or tab; byte-order mark allowed) or Parquet file.

    Only label and score columns are read as numbers; all others stay text, so that a patient 007 keeps its
    zeros and a race coded ``NA`` is not taken for a missing value.

    Raises:
        DataError: no such file, no columns, not UTF-8, or rows of unequal length.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet(path)
    separator, columns = _header(path)
    text = {name: str for name in columns if not _is_numeric(name)}
    try:
        with warnings.catch_warnings():
            # Rows longer than the header would else lose a cell, or shift all columns by one.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=separator,
                encoding="utf-8-sig",
                dtype=text,
                index_col=False,
                keep_default_na=False,
                na_values=[""],
                low_memory=False,
            )
    except pd.errors.ParserWarning:
        raise DataError(
            f"{path}: rows have more cells than the header's {len(columns)}. "
            "Name every column, and end no row with a separator"
        ) from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text. Save it as UTF-8") from None
    except pd.errors.ParserError as error:
        raise DataError(f"{path}: not a table ({_plain(error)})") from None


def as_frame(table: pd.DataFrame | Path | str, *, notes: list[str]) -> pd.DataFrame:
    """A table, read where it is a path, with columns named by text and ids by our names.

    Raises:
        DataError: as :func:`read_table`; two columns have one name, or may be the same id.
    """
    frame = table.reset_index(drop=True) if isinstance(table, pd.DataFrame) else read_table(table)
    frame = frame.rename(columns=str)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"table: two columns are named '{twice}'. Rename or drop one")
    return _with_ids(frame, notes)


def empty(column: pd.Series) -> np.ndarray:
    """Which cells ([N]) hold nothing, or blanks alone."""
    codes, values = pd.factorize(column)
    return np.array([*(isinstance(v, str) and not v.strip() for v in values), True])[codes]


def column_names(path: Path | str) -> list[str]:
    """The columns of a CSV file. Raises DataError as :func:`read_table`."""
    return _header(Path(path))[1]


def _with_ids(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Columns such as ``PatientID`` or ``subject_id`` under our names, where ours are absent."""
    fits = {name: id_column_of(name) for name in frame.columns}
    taken = {name: ours for name, ours in fits.items() if ours and ours not in frame.columns}
    for ours in dict.fromkeys(taken.values()):
        names = [name for name in taken if taken[name] == ours]
        if len(names) > 1:
            raise DataError(
                f"columns {' and '.join(names)} may each be {ours}: rename the right one to {ours}"
            )
    notes += [f"column '{name}' is taken as {ours}" for name, ours in taken.items()]
    return frame.rename(columns=taken)


def id_column_of(name: str) -> str | None:
    """Our name of an id column that others write in another way; ``None`` for any other column."""
    return _IDS.get(re.sub(r"[^a-z0-9]", "", name.casefold()))


def _parquet(path: Path) -> pd.DataFrame:
    from pyarrow.lib import ArrowException

    try:
        return pd.read_parquet(path)
    except (ArrowException, OSError):
        raise DataError(f"{path}: not a Parquet file, or a damaged one") from None


def _header(path: Path) -> tuple[str, list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = next((text.strip("\r\n") for text in file if text.strip()), "")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text. Save it as UTF-8") from None
    if not line.strip():
        raise DataError(f"{path}: the file is empty; expected a header line")
    columns: list[str] = []
    for candidate in ",;\t":
        names = next(csv.reader([line], delimiter=candidate))
        if len(names) > len(columns):
            separator, columns = candidate, names
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        # By number: without a header the names are a patient's cells.
        first = columns.index(repeated[0]) + 1
        second = columns.index(repeated[0], first) + 1
        raise DataError(f"{path}: columns {first} and {second} have the same name. The first line names them")
    return separator, columns


def _is_numeric(name: str) -> bool:
    return name in _NUMERIC or name.startswith(("label_", "score_", "prob_"))


def _plain(error: Exception) -> str:
    # The parser's own message can quote cells; what stands after "Expected" counts fields and lines only.
    _, mark, rest = str(error).partition("Expected ")
    return f"expected {rest.strip()}" if mark else "rows of unequal length or an open quote"


def numbers(column: pd.Series, *, source: str) -> np.ndarray:
    """A column as float64 [N], empty cells NaN; decimal commas are understood.

    Raises:
        DataError: a cell is neither a number nor empty; names the row, never the cell's content.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    text = column.astype("string").str.strip().replace({"True": "1", "False": "0"})
    values = pd.to_numeric(text, errors="coerce")
    if values.isna().sum() > text.isna().sum():
        values = pd.to_numeric(text.str.replace(",", ".", regex=False), errors="coerce")
    bad = (values.isna() & text.notna() & ~text.str.lower().isin(["", "nan"])).to_numpy(dtype=bool)
    if bad.any():
        raise DataError.at(
            "not a number",
            file=source,
            row=int(bad.argmax()) + 1,
            column=str(column.name),
            remedy="Leave the cell empty where there is no value",
        )
    return values.to_numpy(dtype=np.float64, na_value=np.nan)
