"""Read the first sheet of an ``.xlsx`` workbook as text cells, with the standard library alone.

One data set ships its demographics as a workbook; a dependency for one file is not worth it.
"""

import re
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from adfair.errors import DataError

_MAX_BYTES = 1 << 30
"""Unpacked size of one part; more is taken for a decompression bomb."""

_MAX_COLUMNS = 1000


def read_sheet(file: Path) -> pd.DataFrame:
    """The first sheet, first row as header, absent cells ''; index = row from 0.

    Raises:
        DataError: no such workbook, damaged, or too large.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            shared = _shared(archive)
            rows = _rows(_part(archive, "xl/worksheets/sheet1.xml"), shared)
    except OSError as error:
        raise DataError.at(
            f"cannot be read ({error.strerror})", file=file, remedy="Check the path."
        ) from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        ElementTree.ParseError,
        LookupError,
        ValueError,
        EOFError,
        RuntimeError,
    ):
        # RuntimeError: encrypted, or packed in a way that is not known.
        raise DataError.at(
            "not an .xlsx workbook, or a damaged one",
            file=file,
            remedy="Save its first sheet as CSV instead.",
        ) from None
    if not rows:
        raise DataError.at("the first sheet is empty", file=file, remedy="Save the table as CSV instead.")
    header, width = rows[0], max(map(len, rows))
    names = [*header, *(f"column {i + 1}" for i in range(len(header), width))]
    return pd.DataFrame([row + [""] * (width - len(row)) for row in rows[1:]], columns=names, dtype=str)


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if archive.getinfo(name).file_size > _MAX_BYTES:
        raise ValueError("too large")
    return ElementTree.fromstring(archive.read(name))


def _shared(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    return ["".join(_texts(item)) for item in _part(archive, "xl/sharedStrings.xml")]


def _texts(item: ElementTree.Element) -> list[str]:
    return [node.text or "" for node in item.iter() if _tag(node) == "t"]


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def _rows(sheet: ElementTree.Element, shared: list[str]) -> list[list[str]]:
    rows = []
    for row in (node for node in sheet.iter() if _tag(node) == "row"):
        cells: list[str] = []
        for cell in row:
            place = _column(cell.get("r", ""), default=len(cells))
            cells += [""] * (place - len(cells)) + [_value(cell, shared)]
        rows.append(cells)
    return rows


def _column(reference: str, *, default: int) -> int:
    """Position of a cell from a reference such as ``AB12``. Raises ValueError where a row is absurdly wide."""
    letters = re.match(r"[A-Z]*", reference)
    place = 0
    for letter in letters[0] if letters else "":
        place = place * 26 + ord(letter) - ord("A") + 1
    if place > _MAX_COLUMNS:
        raise ValueError("too many columns")
    return place - 1 if place else default


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(_texts(cell)).strip()
    text = next((node.text or "" for node in cell if _tag(node) == "v"), "")
    return (shared[int(text)] if cell.get("t") == "s" else text).strip()
