"""Finding the files of a data set among its sources."""

from pathlib import Path

import pandas as pd
import pytest

from adfair.data.readers.sources import best_root, find_file, folders_of, need_file
from adfair.errors import DataError


def test_a_name_stands_for_itself_and_for_its_gzip(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/t.csv.gz").write_bytes(b"")
    assert find_file([tmp_path], ["t.csv"]) is None
    assert find_file([tmp_path], ["t.csv"], inside=["deep"]) == tmp_path / "deep/t.csv.gz"
    assert find_file([tmp_path / "deep/t.csv.gz"], ["t.csv"]) == tmp_path / "deep/t.csv.gz"


def test_a_source_too_long_to_be_a_path_is_one_that_is_not_there(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    assert folders_of([long], ["."]) == [tmp_path, tmp_path]
    with pytest.raises(
        DataError, match=r"no table: expected t\.csv, found \(300 characters\) \(is not there"
    ):
        need_file([long], ["t.csv"], what="table")


def test_the_root_with_most_files_wins_whatever_the_other_paths_are(tmp_path: Path) -> None:
    for folder, names in {"a": ["0.png"], "b": ["0.png", "1.png"]}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).write_bytes(b"")
    names = pd.Series(["0.png", "1.png", "n" * 300 + ".png", "nul\0.png"])
    roots = [tmp_path / "a", tmp_path / "b"]
    assert best_root([names], roots=roots, table=tmp_path / "t.csv")[0] == tmp_path / "b"
    with pytest.raises(DataError, match=r"row 3, .*: no image file: expected that of the first row"):
        best_root([names[2:3]], roots=roots, table=tmp_path / "t.csv")
