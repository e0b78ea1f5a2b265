"""Read result tables: metrics of models, and paired differences between two models."""

from pathlib import Path

import pandas as pd

from adfair.errors import DataError
from adfair.reporting.data import NUMBER_COLUMNS, TEXT_COLUMNS
from adfair.reporting.text import listed

REQUIRED = ("metric", "finding", "attribute", "group", "value")
PAIRED = ("model_a", "model_b", "metric", "finding", "attribute", "group", "difference")
HOLDS = "A report needs a folder with comparison.csv or metrics.csv, as demo, evaluate or audit write them"


def _read(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    # Everything as text first: a group may be called NA.
    frame = _text(path)
    missing = [c for c in required if c not in frame.columns]
    if missing:
        raise DataError.at(f"no column {listed(missing)}", file=path, remedy=HOLDS)
    return frame


def is_paired(path: Path) -> bool:
    """Whether a table holds differences between two models, as ``compare`` writes them."""
    return {"model_a", "model_b"} <= set(_text(path, rows=0).columns)


def _text(path: Path, rows: int | None = None) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, nrows=rows)
    except pd.errors.EmptyDataError:
        raise DataError.at("the file is empty", file=path, remedy=HOLDS) from None
    except (UnicodeDecodeError, pd.errors.ParserError):
        raise DataError.at("not a CSV table in UTF-8", file=path, remedy=HOLDS) from None


def read_paired(path: Path) -> pd.DataFrame:
    """Read paired differences. Raises DataError for a missing column or a number that is none."""
    frame = _read(path, PAIRED)
    for column in ("value_a", "value_b", "difference", "ci_low", "ci_high"):
        frame[column] = _numbers(frame, column, path)
    return frame


def sides(paired: pd.DataFrame) -> pd.DataFrame:
    """Both models' values of paired differences as rows of ``comparison.csv``, without intervals."""
    names = ["metric", "finding", "attribute", "group", *(["note"] if "note" in paired else [])]
    frames = [
        paired[names].assign(model=paired[f"model_{side}"], value=paired[f"value_{side}"], test_set="test")
        for side in ("a", "b")
    ]
    both = pd.concat(frames, ignore_index=True)
    absent = {c: "" for c in TEXT_COLUMNS if c not in both} | {
        c: float("nan") for c in NUMBER_COLUMNS if c not in both
    }
    return both.assign(**absent)


def read_table(path: Path) -> pd.DataFrame:
    """Read ``metrics.csv`` or ``comparison.csv``; absent optional columns are filled in as empty.

    Raises:
        DataError: no rows, a required column is missing, or a number is not a number.
    """
    frame = _read(path, REQUIRED)
    if frame.empty:
        raise DataError.at("no rows", file=path, remedy="Run the evaluation or audit again")
    for column in TEXT_COLUMNS:
        frame[column] = frame.get(column, "")
    for column in NUMBER_COLUMNS:
        frame[column] = _numbers(frame, column, path)
    return frame


def _numbers(frame: pd.DataFrame, column: str, path: Path) -> "pd.Series[float]":
    if column not in frame:
        return pd.Series(float("nan"), index=frame.index)
    text = frame[column].str.strip()
    empty = text.str.lower().isin(["", "nan"])
    values = pd.to_numeric(text.mask(empty), errors="coerce").astype(float)
    wrong = values.isna() & ~empty
    if wrong.any():
        row = int(wrong.to_numpy().argmax()) + 1
        raise DataError.at(
            "not a number", file=path, row=row, column=column, remedy="Leave undefined values empty"
        )
    return values
