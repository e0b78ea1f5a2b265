"""Files: separators, byte-order marks, encodings, Parquet."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from adfair.auditing import load_predictions
from adfair.auditing.reading import read_table
from adfair.errors import DataError

TEXT = "image_id;patient_id;label;score;race\n007;01;1;0,75;NA\n008;02;0;0,25;Black\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_separators_and_byte_order_marks(tmp_path: Path, encoding: str, separator: str) -> None:
    path = write(tmp_path / "t.csv", TEXT.replace(";", separator), encoding)
    got = load_predictions(path)
    assert got.image.tolist() == ["007", "008"]
    assert got.scores[:, 0].tolist() == [0.75, 0.25]
    assert got.attributes[0].groups == ("Black", "NA")


def test_windows_line_ends_and_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", '"label","score","sex"\r\n"1","0.5","F"\r\n"0","0.25","M"\r\n')
    assert load_predictions(path).labels[:, 0].tolist() == [1, 0]


def test_parquet_and_csv_are_the_same(tmp_path: Path, table: Callable[..., pd.DataFrame]) -> None:
    frame = table()
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    one, two = load_predictions(tmp_path / "t.csv"), load_predictions(tmp_path / "t.parquet")
    assert one.image.tolist() == two.image.tolist()
    assert (one.scores == two.scores).all()
    assert [a.groups for a in one.attributes] == [a.groups for a in two.attributes]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file is empty"),
        ("\n\n", "file is empty"),
        ("label,score\n", "no rows"),
        ("label,label,score\n1,1,1\n", "columns 1 and 2 have the same name"),
        ('label,score\n1,"0.5\n', "rows of unequal length|not a table|not a number"),
        ("label,score\n1,0.5,3,4\n1,2\n1,2,3,4,5,6\n", "not a table|not a number"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_predictions(write(tmp_path / "t.csv", text))


def test_other_encodings_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not UTF-8"):
        read_table(write(tmp_path / "t.csv", "label,score,race\n1,0.5,é\n", "latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_table(write(tmp_path / "u.csv", "label,score\n1,0.5\n", "utf-16"))
    with pytest.raises(DataError, match="no such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="not a Parquet file"):
        read_table(write(tmp_path / "t.parquet", "label,score"))


def test_messages_never_quote_a_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "label,score,sex\n1,JANE DOE 1950,F\n")
    with pytest.raises(DataError) as error:
        load_predictions(path)
    assert "JANE" not in str(error.value)
    assert "row 1, column 'score'" in str(error.value)


def test_rows_longer_than_the_header_are_refused_and_never_shifted(tmp_path: Path) -> None:
    header = "prob,label,sex,race\n"
    closed = read_table(write(tmp_path / "t.csv", header + "0.18,0,1,0,\n" * 3))
    assert closed.iloc[0].tolist() == [0.18, 0, "1", "0"]
    for rows in ("0.18,0,1,0,9\n" * 3, "0.18,0,1,0\n0.18,0,1,0,9\n"):
        with pytest.raises(DataError, match=r"t\.csv: .*(more cells than the header's 4|expected 4)"):
            read_table(write(tmp_path / "t.csv", header + rows))


def test_quoted_headers_and_blank_lines_before_them(tmp_path: Path) -> None:
    text = '\n\n"sex, at birth";"race, at birth";label;score\nF;A;1;0,5\nM;B;0;0,1\n'
    frame = read_table(write(tmp_path / "t.csv", text))
    assert list(frame.columns) == ["sex, at birth", "race, at birth", "label", "score"]
    assert load_predictions(frame).scores[:, 0].tolist() == [0.5, 0.1]


def test_a_missing_header_does_not_print_the_first_patient(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "p1,John Smith,0,0.3,F\np2,Jane Doe,1,0.4,M\n")
    with pytest.raises(DataError, match="no label and score columns") as error:
        load_predictions(path)
    assert "Smith" not in str(error.value)
