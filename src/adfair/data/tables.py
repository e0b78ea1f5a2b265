"""Read a CSV or parquet file as text cells, strictly; write one deterministically.

Every cell becomes a string (absent ones the empty string), so that one validator serves both formats and no
reader guesses that an id is a number or that 'NA' is a missing value.
"""

import csv
import gzip
import io
import zlib
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from adfair.errors import DataError

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_PACKED = {
    b"PK\x03\x04": ("a zip archive or a workbook", "Unpack it; save a workbook as CSV."),
    b"\x1f\x8b": ("a gzip file by its content", "Let its name end in .gz, or unpack it."),
}


def read_text_table(
    path: Path,
    *,
    data: bytes | None = None,
    encoding: str = "utf-8",
    nameless: Literal["refuse", "drop"] = "refuse",
) -> pd.DataFrame:
    """Read ``.csv``, ``.tsv`` (both also ``.gz``) or ``.parquet`` into string columns.

    Args:
        path: the file; its suffix decides the format.
        data: its bytes, when the caller has read them already.
        encoding: of the text; ``utf-8-sig`` also takes a byte order mark.
        nameless: what becomes of a CSV column without a name: published tables hold row numbers in one, or
            end their header with a comma.

    Raises:
        DataError: not readable as such a table: names the file, the row and the remedy, never a cell.
    """
    data = _read_bytes(path) if data is None else data
    if path.suffix == ".gz":
        data = _gunzip(data, path)
    if path.name.removesuffix(".gz").endswith(".parquet"):
        return _parquet_cells(data, path)
    return _csv_cells(data, path, encoding=encoding, nameless=nameless)


def write_text_table(table: pd.DataFrame, path: Path) -> bytes:
    """A table of strings as the bytes of a CSV or parquet file, by the suffix of ``path``."""
    if path.suffix != ".parquet":
        return table.to_csv(index=False, lineterminator="\n").encode()
    buffer = io.BytesIO()
    arrow = pa.Table.from_pandas(table.astype(str), preserve_index=False).replace_schema_metadata(None)
    pa_parquet.write_table(arrow, buffer, compression="zstd")
    return buffer.getvalue()


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError.at(
            f"cannot be read ({error.strerror})", file=path, remedy="Check the path and its permissions."
        ) from None


def _gunzip(data: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, ValueError, zlib.error):
        raise DataError.at(
            "the gzip stream is damaged or ends early", file=path, remedy="Download it again."
        ) from None


def _parquet_cells(data: bytes, path: Path) -> pd.DataFrame:
    try:
        arrow = pa_parquet.read_table(pa.BufferReader(data))
        cells = {
            name: arrow[name].cast(pa.string()).fill_null("") for name in _distinct(arrow.column_names, path)
        }
    except pa.ArrowException:
        raise DataError.at(
            "not a parquet file of text and number columns", file=path, remedy="Write it again."
        ) from None
    return pa.table(cells).to_pandas()


def _csv_cells(data: bytes, path: Path, *, encoding: str, nameless: str) -> pd.DataFrame:
    _refuse_packed(data, path)
    data = _without_byte_order_mark(data, path, encoding=encoding)
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    if data.count(b'"') % 2:
        # The parser would take everything from a stray quote to the end of the file for one cell.
        raise _stray_quote(path)
    _require_encoding(data, path, encoding=encoding)
    header = _header(data, path, encoding=encoding)
    named = [name for name in header if name] if nameless == "drop" else header
    _distinct(named, path)
    faults: list[pa_csv.InvalidRow] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        faults.append(row)
        return "error"

    parse = pa_csv.ParseOptions(
        delimiter=_delimiter(path), newlines_in_values=True, invalid_row_handler=refuse
    )
    # One thread and one block: only then does the parser know the number of a bad row.
    block = min(max(len(data), 1) + 1, 2**31 - 1)
    try:
        arrow = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=block, encoding=encoding),
            parse_options=parse,
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in header}, strings_can_be_null=False
            ),
        )
    except pa.ArrowException:
        raise _csv_fault(path, faults=faults) from None
    if arrow.column_names != header:
        raise _stray_quote(path)
    return arrow.select([i for i, name in enumerate(header) if name]).to_pandas()


def _delimiter(path: Path) -> str:
    return "\t" if path.name.removesuffix(".gz").endswith(".tsv") else ","


def _refuse_packed(data: bytes, path: Path) -> None:
    for magic, (what, remedy) in _PACKED.items():
        if data.startswith(magic):
            raise DataError.at(f"{what}, not text", file=path, remedy=remedy)


def _require_encoding(data: bytes, path: Path, *, encoding: str) -> None:
    try:
        data.decode(encoding)
    except LookupError:
        raise DataError.at(f"no encoding '{encoding}'", file=path, remedy="Use utf-8 or latin-1.") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError.at(
            f"line {line} is not {encoding} text", file=path, remedy="Save the file as UTF-8."
        ) from None


def _csv_fault(path: Path, *, faults: list[pa_csv.InvalidRow]) -> DataError:
    if faults:
        row = faults[0]
        return DataError.at(
            f"{row.actual_columns} cells where the header has {row.expected_columns}",
            file=path,
            row=None if row.number is None else row.number - 1,
            remedy="Put quotes around cells that hold a comma or a line break.",
        )
    return _stray_quote(path)


def _stray_quote(path: Path) -> DataError:
    return DataError.at(
        "not a well-formed CSV table", file=path, remedy="Look for a quote without its closing one."
    )


def _without_byte_order_mark(data: bytes, path: Path, *, encoding: str) -> bytes:
    if data.startswith(_UTF16_BOMS):
        raise DataError.at("the file is UTF-16 text", file=path, remedy="Save it as UTF-8.")
    if not data.startswith(_UTF8_BOM):
        return data
    if encoding != "utf-8-sig":
        raise DataError.at(
            "the file begins with a byte order mark",
            file=path,
            remedy="Save it as UTF-8 without BOM (in a spreadsheet: not 'CSV UTF-8').",
        )
    return data[len(_UTF8_BOM) :]


def _header(data: bytes, path: Path, *, encoding: str) -> list[str]:
    text = data[: 1 << 20].decode(encoding, errors="replace")
    try:
        names = next((row for row in csv.reader(io.StringIO(text), delimiter=_delimiter(path)) if row), [])
    except csv.Error:
        names = []
    if not names:
        raise DataError.at("no header row", file=path, remedy="The first line names the columns.")
    return names


def _distinct(names: list[str], path: Path) -> list[str]:
    for place, name in enumerate(names, 1):
        if not name or names.count(name) > 1:
            # By number: without a header the names are a patient's cells.
            first = names.index(name) + 1
            what = f"columns {first} and {names.index(name, first) + 1} have the same name" if name else ""
            remedy = "The first line gives every column its own name."
            raise DataError.at(what or f"column {place} has no name", file=path, remedy=remedy)
    return names
