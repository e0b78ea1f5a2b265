"""Every kind of wrong row is refused with its row, its column and a remedy."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adfair.data.manifest import load_cohort, text_cells, write_cohort
from adfair.data.schema import CohortInfo
from adfair.data.validate import check_patients, validate_table
from adfair.errors import DataError

# row, column, cell, what the message says, what the remedy says
BAD_CELLS = [
    (2, "image_id", "i0", "already used in row 1", "Remove one of the rows"),
    (12, "image_id", "i3", "already used in row 4", "Remove one of the rows"),
    (3, "image_id", "", "is empty", "Give every row its image_id"),
    (3, "image_id", "  ", "is empty", "Give every row its image_id"),
    (4, "image_id", "i3 ", "blanks around", "without blanks"),
    (5, "patient_id", "", "is empty", "Give every row its patient_id"),
    (5, "patient_id", " p2", "blanks around", "without blanks"),
    (9, "patient_id", "p0", "in split 'test' and also in 'train' (row 1)", "into one split"),
    (7, "patient_id", "p2", "in split 'val' and also in 'train' (row 5)", "into one split"),
    (1, "split", "Train", "unknown split 'Train'", "Use one of train, val, test, test_b"),
    (12, "split", "", "unknown split ''", "'splits' in cohort.yaml"),
    (12, "split", "test_reversed", "unknown split 'test_reversed'", "'splits' in cohort.yaml"),
    (2, "split", "test", "in split 'test' and also in 'train' (row 1)", "into one split"),
    (12, "split", "test_b", "in split 'test_b' and also in 'test' (row 11)", "into one split"),
    (6, "report", "", "the report is empty", "drop it"),
    (6, "report", " \n ", "the report is empty", "drop it"),
    (4, "sex", "Female", "group 'Female' is not declared", "Use one of F, M"),
    (4, "sex", "f", "group 'f' is not declared", "leave it empty for unknown"),
    (4, "race", "nan", "group 'nan' is not declared", "Use one of Asian, Black, White"),
    (4, "race", "unknown", "group 'unknown' is not declared", "leave it empty"),
    (8, "Edema", "2", "label '2' is none of 1, 0, -1", "-1 for uncertain"),
    (8, "Edema", "0.5", "label '0.5' is none of", "Write 1 for present"),
    (8, "Edema", "nan", "label 'nan' is none of", "nothing for not mentioned"),
    (8, "No Finding", "yes", "label 'yes' is none of", "Write 1 for present"),
    (8, "No Finding", "-1.5", "label '-1.5' is none of", "Write 1 for present"),
    (1, "age", "NaN", "age 'NaN' is not a number of years", "leave the cell empty"),
    (1, "age", "nan", "age 'nan' is not a number of years", "leave the cell empty"),
    (1, "age", "-3", "age '-3' is not a number of years", "Write the age in years"),
    (1, "age", "414", "age '414' is not a number of years from 0 to 120", "Write the age in years"),
    (1, "age", "058Y", "age '058Y' is not a number of years", "Write the age in years"),
    (1, "age", "inf", "age 'inf' is not a number of years", "Write the age in years"),
    (
        11,
        "image_path",
        "images/0.png",
        "belongs to another patient in row 1",
        "Correct image_path or patient_id",
    ),
    (11, "image_path", "", "not a path inside the cohort", "relative to the cohort folder"),
]


@pytest.mark.parametrize(("row", "column", "cell", "what", "remedy"), BAD_CELLS)
def test_a_wrong_cell_is_refused_with_row_and_remedy(
    row: int,
    column: str,
    cell: str,
    what: str,
    remedy: str,
    spoil: Callable[..., Path],
    unchanged: Callable[[], None],
) -> None:
    root = spoil(row=row, column=column, cell=cell)
    unchanged()
    with pytest.raises(DataError) as caught:
        load_cohort(root)
    message = str(caught.value)
    assert message.startswith(f"{root / 'manifest.csv'}, row {row}, column ")
    assert what in message
    assert remedy in message
    assert "Text" not in message, "a report must never be quoted"
    unchanged()


@pytest.mark.parametrize(
    "column", ["image_id", "patient_id", "image_path", "report", "split", "race", "Edema"]
)
def test_an_absent_column_is_named(
    column: str, info: CohortInfo, table: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"column '{column}': the column is absent.*Add the column"):
        write_cohort(tmp_path / "new", info, table.drop(columns=column))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("column", ["study_id", "view", "age"])
def test_an_absent_optional_column_is_unknown(
    column: str, info: CohortInfo, table: pd.DataFrame, tmp_path: Path
) -> None:
    loaded = write_cohort(tmp_path / "new", info, table.drop(columns=column)).table
    assert loaded[column].isin(["", np.nan]).all()


def test_an_empty_table_is_refused(info: CohortInfo, table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        write_cohort(tmp_path / "new", info, table.head(0))


def test_further_bad_rows_are_counted(info: CohortInfo, table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=re.escape("row 1, column 'Edema'") + r".*\(also row 2, 3, 4, 8 more\)"
    ):
        write_cohort(tmp_path / "new", info, table.assign(Edema="x"))


def test_no_report_at_all_is_allowed(info: CohortInfo, table: pd.DataFrame, tmp_path: Path) -> None:
    cohort = write_cohort(tmp_path / "new", info, table.assign(report=""))
    assert not cohort.has_reports


def test_rows_are_counted_by_the_index_of_the_table(info: CohortInfo, table: pd.DataFrame) -> None:
    cells = table.astype(object).where(table.notna(), "").astype(str)
    cells["split"] = cells["split"].mask(cells.index == 7, "nowhere")
    with pytest.raises(DataError, match=r"m\.csv, row 8, column 'split'"):
        validate_table(cells.replace({"Edema": {"1.0": "1"}}).iloc[5:], info, file=Path("m.csv"))


@st.composite
def manifests_with_overlap(draw: st.DrawFn) -> tuple[pd.DataFrame, bool]:
    """Patients wholly inside one split each, then with or without one row moved to another split."""
    splits = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=20))
    sizes = draw(st.lists(st.integers(1, 4), min_size=len(splits), max_size=len(splits)))
    patients = [f"p{i}" for i, size in enumerate(sizes) for _ in range(size)]
    table = pd.DataFrame({"patient_id": patients})
    table["split"] = [splits[int(p[1:])] for p in patients]
    several = [i for i, size in enumerate(sizes) if size > 1]
    planted = bool(several) and draw(st.booleans())
    if planted:
        victim = f"p{draw(st.sampled_from(several))}"
        row = draw(st.sampled_from(table.index[table["patient_id"] == victim].tolist()))
        others = [s for s in "abcd" if s != table.loc[row, "split"]]
        table.loc[row, "split"] = draw(st.sampled_from(others))
    order = draw(st.permutations(range(len(table))))
    return table.iloc[order].reset_index(drop=True), planted


@settings(max_examples=1000, deadline=None)
@given(manifests_with_overlap())
def test_every_planted_patient_overlap_is_found(case: tuple[pd.DataFrame, bool]) -> None:
    table, planted = case
    assert planted == (table.groupby("patient_id")["split"].nunique() > 1).any()
    if not planted:
        check_patients(table, file=Path("m.csv"))
        return
    with pytest.raises(DataError) as caught:
        check_patients(table, file=Path("m.csv"))
    row, earlier = (int(n) - 1 for n in re.findall(r"row (\d+)", str(caught.value))[:2])
    assert table.loc[row, "patient_id"] == table.loc[earlier, "patient_id"]
    assert table.loc[row, "split"] != table.loc[earlier, "split"]


def test_control_characters_of_a_cell_are_not_printed(spoil: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="group '�") as caught:
        load_cohort(spoil(row=1, column="sex", cell="\x1b[2Jx"))
    assert "\x1b" not in str(caught.value)


def test_one_file_under_two_spellings_is_one_file(info: CohortInfo, table: pd.DataFrame) -> None:
    cells = text_cells(table.assign(image_path=["images/a.png", "x.png", "./images//a.png", *"abcdefghi"]))
    with pytest.raises(
        DataError, match="row 3, column 'image_path': the same file belongs to another patient in row 1"
    ):
        validate_table(cells, info, file=Path("m.csv"))


def test_a_long_cell_is_not_even_begun(spoil: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"group '\(37 characters\)' is not declared") as caught:
        load_cohort(spoil(row=1, column="sex", cell="The heart is enlarged, as it has been"))
    assert "heart" not in str(caught.value)
