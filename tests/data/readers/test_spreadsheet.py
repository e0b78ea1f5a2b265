"""The workbook reader on workbooks of all cell kinds, and on files that are none."""

import zipfile
from pathlib import Path

import pytest

from adfair.data.readers.spreadsheet import read_sheet
from adfair.errors import DataError

SHEET = """<worksheet><sheetData>
<row><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>c</t></is></c></row>
<row><c r="B2"><v>4.5</v></c><c><v>7</v></c></row>
<row/>
</sheetData></worksheet>"""


def _book(path: Path, sheet: str, *, shared: str = "<sst><si><t>a</t></si></sst>") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", shared)
    return path


def test_every_kind_of_cell(tmp_path: Path) -> None:
    table = read_sheet(_book(tmp_path / "a.xlsx", SHEET))
    assert table.columns.tolist() == ["a", "", "c"]
    assert table.to_numpy().tolist() == [["", "4.5", "7"], ["", "", ""]]


@pytest.mark.parametrize(
    "sheet",
    [
        "<worksheet><sheetData>",
        SHEET.replace("<v>0</v>", "<v>5</v>"),
        SHEET.replace('"B2"', '"ZZZZ2"'),
        '<!DOCTYPE a [<!ENTITY b "' + "x" * 100 + '">]><worksheet>&c;</worksheet>',
    ],
)
def test_a_damaged_sheet_is_refused(sheet: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not an \.xlsx workbook, or a damaged one"):
        read_sheet(_book(tmp_path / "a.xlsx", sheet))


def test_an_empty_or_absent_workbook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the first sheet is empty"):
        read_sheet(_book(tmp_path / "a.xlsx", "<worksheet/>"))
    with pytest.raises(DataError, match="cannot be read"):
        read_sheet(tmp_path / "none.xlsx")


@pytest.mark.parametrize("spoil", ["deflate", "encrypted", "method"])
def test_a_workbook_that_cannot_be_unpacked_is_refused(spoil: str, tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", SHEET * 9)
    data = bytearray(file.read_bytes())
    entry, listed = data.find(b"PK\x03\x04"), data.find(b"PK\x01\x02")
    if spoil == "deflate":
        data[entry + 54 : entry + 60] = b"\xff" * 6
    elif spoil == "encrypted":
        data[entry + 6] |= 1
        data[listed + 8] |= 1
    else:
        data[entry + 8] = data[listed + 10] = 99
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"not an \.xlsx workbook, or a damaged one"):
        read_sheet(file)
