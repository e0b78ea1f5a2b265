"""Tables and mappings that cannot be read: each is named, nothing is written."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.data.readers.table_file import CSV, MAPPING, changed

from adfair.data.readers import import_table
from adfair.errors import AdfairError, ConfigError, DataError

BAD_SOURCES: list[tuple[str, str, str]] = [
    (
        "a/1.png,p0",
        "a/0.png,p0",
        "row 2, column 'file' (our 'image_id'): this image_id is already used in row 1. Remove",
    ),
    (
        "a/3.png,p2",
        "a/3.png,p1",
        "row 4, column 'pid' (our 'patient_id'): the patient of this row is in split 'test' and also",
    ),
    ("a/2.png,p1", "a/2.png,", "row 3, column 'pid' (our 'patient_id'): the cell is empty. Give"),
    ("p1,Male", "p1,?", "row 3, column 'sex': text '?' has no group. Add it to the map of 'sex'"),
    ("6M", "6Q", "row 4, column 'years': not an age from 0 to 120 years. Correct the cell, or set 'invalid"),
    ("058Y", "nan", "row 1, column 'years': not an age from 0 to 120 years"),
    ("maybe", "perhaps", "row 3, column 'edema': the cell is no label. Add it to the map of 'Edema'"),
    (
        "a/4.png,p3",
        "a/44.png,p3",
        "row 5, column 'file' (our 'image_path'): no such image file. Expected below",
    ),
    (
        "a/4.png,p3",
        "../a/4.png,p3",
        "row 5, column 'file' (our 'image_path'): not a path inside the image folder. Paths",
    ),
    (
        "a/4.png,p3",
        "/a/4.png,p3",
        "row 5, column 'file' (our 'image_path'): not a path inside the image folder. Paths",
    ),
    (",fold,", ",", "row 1: 11 cells where the header has 10. Put quotes"),
    (",fold,", ",fald,", "column 'fold': the mapping names a column that the table lacks. It has: file, pid"),
    ("site1", "site3", "no row is left after 'keep'. Correct the filters"),
    (
        "Mass",
        "Nodule",
        "column 'labels': no row lists the finding 'Mass'. Names that occur: Nodule, Effusion",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD_SOURCES)
def test_a_wrong_source_is_refused_and_nothing_is_written(
    old: str, new: str, message: str, table_source: Path, tmp_path: Path, unchanged: Callable[[], None]
) -> None:
    assert old in CSV
    table_source.write_text(CSV.replace(old, new))
    unchanged()
    with pytest.raises(DataError, match=re.escape(message)):
        import_table(table_source, out=tmp_path / "out", mapping=MAPPING, copy=True)
    unchanged()
    assert not (tmp_path / "out").exists()


def test_rows_are_those_of_the_source_although_some_were_dropped(table_source: Path, tmp_path: Path) -> None:
    header, *rows = CSV.splitlines(keepends=True)
    table_source.write_text(header + "".join(rows[::-1]).replace("p0,Female,WHITE,AP", "p0,Female,PURPLE,AP"))
    with pytest.raises(DataError, match=r"data\.csv, row 7, column 'race': text 'PURPLE'"):
        import_table(table_source, out=tmp_path / "out", mapping=MAPPING)


def test_a_linked_image_out_of_the_folder_is_refused(table_source: Path, tmp_path: Path) -> None:
    (table_source.parent / "pictures/a/4.png").unlink()
    (table_source.parent / "pictures/a/4.png").symlink_to(table_source)
    with pytest.raises(
        DataError,
        match=r"row 5, column 'file' \(our 'image_path'\): a symbolic link leads out of the image folder",
    ):
        import_table(table_source, out=tmp_path / "out", mapping=MAPPING)


BAD_MAPPINGS: list[tuple[dict[str, Any], str]] = [
    ({"image_id": {}}, "image_id: .*give either 'column' or 'template'"),
    ({"image_id": {"column": "file", "template": "x"}}, "image_id: .*give either"),
    ({"patients": "pid"}, "patients: unknown key"),
    ({"attributes": {}}, "attributes: .*at least 1 item"),
    ({"keep": [{"column": "dup"}]}, r"keep\.0: .*give one of 'equals'"),
    ({"findings": {}, "labels": None}, "no finding: give 'findings' or 'labels'"),
    ({"split": {"column": "fold", "fractions": {"train": 1.0}}}, "split: .*give one of 'column'"),
    ({"split": {"fractions": {"train": 0.5}}}, "split fractions: expected positive numbers that sum to 1"),
    (
        {"attributes": {"age": {"column": "years", "groups": ["a"]}}},
        "attribute 'age' has the name of a fixed column",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD_MAPPINGS)
def test_a_wrong_mapping_is_refused(
    change: dict[str, Any], message: str, table_source: Path, tmp_path: Path
) -> None:
    with pytest.raises(AdfairError, match=message):
        import_table(table_source, out=tmp_path / "out", mapping=changed(**change))
    assert not (tmp_path / "out").exists()


def test_mapping_and_source_must_be_there(table_source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs --mapping FILE"):
        import_table(table_source, out=tmp_path / "out")
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        import_table(table_source, out=tmp_path / "out", mapping=tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="takes one table, not 2"):
        import_table([table_source, table_source], out=tmp_path / "out", mapping=MAPPING)
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match=r"broken\.yaml, line \d: not valid YAML"):
        import_table(table_source, out=tmp_path / "out", mapping=tmp_path / "broken.yaml")


@pytest.mark.parametrize(
    ("name", "separator", "likely"),
    [("t.csv", ";", "It has semicolons"), ("t.csv", "\t", "It has tabs"), ("t.tsv", ",", "It has commas")],
)
def test_a_table_with_another_separator_is_told_from_one_without_a_header(
    name: str, separator: str, likely: str, table_source: Path, tmp_path: Path
) -> None:
    source = table_source.with_name(name)
    source.write_text(CSV.replace(",", separator))
    with pytest.raises(
        DataError, match=f"The first line must name the columns, .* {likely} and no other sep"
    ):
        import_table(source, out=tmp_path / "out", mapping=MAPPING)
    source.write_text("JANE DOE\nJOHN ROE\n")
    with pytest.raises(DataError, match=r"as the mapping does\.$"):
        import_table(source, out=tmp_path / "out", mapping=MAPPING)
