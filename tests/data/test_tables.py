"""Tables are read as text, strictly, and survive writing."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adfair.data.manifest import text_cells
from adfair.data.tables import read_text_table, write_text_table
from adfair.errors import DataError

CELL = st.text(st.characters(codec="utf-8"), max_size=12)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_any_text_survives(suffix: str, rows: list[tuple[str, str]]) -> None:
    table = text_cells(pd.DataFrame(rows, columns=["a", 'b,"c"']).astype(object))
    file = Path(f"t.{suffix}")
    back = read_text_table(file, data=write_text_table(table, file))
    assert back.to_numpy().tolist() == table.to_numpy().tolist()
    assert list(back.columns) == list(table.columns)


def test_nothing_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"id,x,y,z\r\n007,NA,true,1e3\r\n010,,nan,\r\n")
    assert read_text_table(tmp_path / "t.csv").to_numpy().tolist() == [
        ["007", "NA", "true", "1e3"],
        ["010", "", "nan", ""],
    ]


def test_parquet_tells_absent_from_nan(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {"i": pa.array([1, None]), "f": pa.array([1.5, float("nan")]), "s": pa.array([None, "x"])}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    assert read_text_table(tmp_path / "t.parquet").to_numpy().tolist() == [["1", "1.5", ""], ["", "nan", "x"]]


def test_tabs_and_gzip(tmp_path: Path) -> None:
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(b"a\tb\n1,5\t2\n"))
    assert read_text_table(tmp_path / "t.tsv.gz").to_numpy().tolist() == [["1,5", "2"]]


def test_cells_with_line_breaks_count_as_one_row(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'a,b\n"one\ntwo",1\nx,2,3\n')
    with pytest.raises(DataError, match=r"t\.csv, row 2: 3 cells where the header has 2\. Put quotes"):
        read_text_table(tmp_path / "t.csv")


PATIENT = "Jane Doe"
BAD_BYTES = [
    (b"a,b\n1,2\n" + PATIENT.encode() + b"\n", r"row 2: 1 cells where the header has 2\. Put quotes"),
    (b"a,b\n1,2,3\n", r"row 1: 3 cells where the header has 2\. Put quotes"),
    (b"\xef\xbb\xbfa,b\n1,2\n", r"byte order mark\. Save it as UTF-8 without BOM"),
    ("a,b\n1,2\n".encode("utf-16"), r"UTF-16 text\. Save it as UTF-8"),
    (b"a,b\n1,2\n3,caf\xe9\n", r"line 3 is not utf-8 text\. Save the file as UTF-8"),
    (b"", r"no header row\. The first line names the columns"),
    (b"\n\n", r"no header row\. The first line names the columns"),
    (b"a,a\n1,2\n", r"columns 1 and 2 have the same name\. The first line"),
    (b"a,\n1,2\n", r"column 2 has no name\. The first line"),
    (b'a,b\n1,"' + PATIENT.encode() + b"\n", r"well-formed.*without its closing one"),
]


@pytest.mark.parametrize(("data", "message"), BAD_BYTES)
def test_a_damaged_file_is_refused_without_quoting_it(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_text_table(tmp_path / "t.csv")
    assert str(caught.value).startswith(str(tmp_path / "t.csv"))
    assert PATIENT not in str(caught.value)


def test_a_byte_order_mark_is_taken_where_asked(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    assert list(read_text_table(tmp_path / "t.csv", encoding="utf-8-sig").columns) == ["a", "b"]


def test_other_encodings_where_asked(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a\ncafé\n".encode("latin-1"))
    assert read_text_table(tmp_path / "t.csv", encoding="latin-1").iloc[0, 0] == "café"


def test_an_encoding_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a\n1\n")
    with pytest.raises(DataError, match=r"no encoding 'utf-88'\. Use utf-8 or latin-1"):
        read_text_table(tmp_path / "t.csv", encoding="utf-88")


def test_gzip_that_ends_early_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = gzip.compress(b"a\n" + rng.bytes(1000).hex().encode())
    (tmp_path / "t.csv.gz").write_bytes(data[:-100])
    with pytest.raises(DataError, match=r"damaged or ends early\. Download it again"):
        read_text_table(tmp_path / "t.csv.gz")


@pytest.mark.parametrize("data", [b"", b"PAR1", b"a,b\n1,2\n"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(data)
    with pytest.raises(DataError, match=r"not a parquet file of text and number columns\. Write it again"):
        read_text_table(tmp_path / "t.parquet")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: cannot be read \(No such file.*Check the path"):
        read_text_table(tmp_path / "none.csv")


@settings(max_examples=500, deadline=None)
@given(data=st.binary(max_size=80) | st.text('a",\n\r\t é\ufeff', max_size=40).map(str.encode))
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.csv.gz", "t.parquet"])
def test_any_bytes_are_a_table_or_our_error(name: str, data: bytes) -> None:
    try:
        table = read_text_table(Path(name), data=data)
    except DataError:
        return
    assert len(set(table.columns)) == len(table.columns) > 0
    assert table.map(lambda cell: isinstance(cell, str)).to_numpy().all()


def test_columns_without_a_name_can_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b",id,sex,\n0,a,F,\n1,b,M,\n")
    with pytest.raises(DataError, match="column 1 has no name"):
        read_text_table(tmp_path / "a.csv")
    table = read_text_table(tmp_path / "a.csv", nameless="drop")
    assert table.to_dict("list") == {"id": ["a", "b"], "sex": ["F", "M"]}


def test_a_gzip_stream_damaged_in_its_middle(tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f"{i},{i * i}\n" for i in range(2000))
    data = bytearray(gzip.compress(text.encode()))
    for at in range(len(data) // 3, len(data) // 3 + 20):
        data[at] ^= 0xFF
    (tmp_path / "t.csv.gz").write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"t\.csv\.gz: the gzip stream is damaged"):
        read_text_table(tmp_path / "t.csv.gz")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            gzip.compress(b"a\n1\n", mtime=0),
            r"t\.csv: a gzip file by its content, not text\. Let its name end in \.gz",
        ),
        (b"PK\x03\x04rest", r"t\.csv: a zip archive or a workbook, not text\. Unpack it"),
    ],
)
def test_a_packed_file_is_named_as_such(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_text_table(tmp_path / "t.csv")


def test_messages_name_the_packed_file(tmp_path: Path) -> None:
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(DataError, match=r"t\.tsv\.gz: no header row"):
        read_text_table(tmp_path / "t.tsv.gz")
