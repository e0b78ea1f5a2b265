"""Finding files, checking headers and spreading labels, which all readers of published data sets share."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.data.readers import lookup
from adfair.errors import ConfigError, DataError


def test_a_folder_or_the_table_itself(tmp_path: Path) -> None:
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"x\n1\n"))
    assert lookup.find_table(tmp_path, ("a.csv", "b.csv")) == tmp_path / "b.csv.gz"
    assert lookup.find_table(tmp_path / "b.csv.gz", ("a.csv",)) == tmp_path / "b.csv.gz"
    with pytest.raises(DataError, match=r"expected a\.csv \(also \.gz\), found b\.csv\.gz"):
        lookup.find_table(tmp_path, ("a.csv",))


def test_one_source_that_is_there(tmp_path: Path) -> None:
    assert lookup.one_source([tmp_path], reader="r", wants="a folder") == tmp_path
    with pytest.raises(ConfigError, match="takes one SOURCE, not 2: a folder"):
        lookup.one_source([tmp_path, tmp_path], reader="r", wants="a folder")
    with pytest.raises(DataError, match=r"no such file or folder\. SOURCE is a folder"):
        lookup.one_source([tmp_path / "gone"], reader="r", wants="a folder")


def test_published_oddities_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"\xef\xbb\xbf,id,sex,\r\n0, a ,F,\r\n1,b,M,\r\n")
    table = lookup.read_source_table(file, ["id", "sex"])
    assert table.to_dict("list") == {"id": ["a", "b"], "sex": ["F", "M"]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"name,sex\n1,F\n", "no id; expected id, sex; found name, sex"),
        (b"id,sex\n", "the table has no rows"),
        (b"id,sex\n1,F,2\n", "row 1: 3 cells where the header has 2"),
        (b"id,id,sex\n1,1,F\n", "columns 1 and 2 have the same name"),
        (b"id,sex\n1,\xff\n", "line 2 is not utf-8"),
    ],
)
def test_other_headers_say_what_was_expected(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(DataError, match=message):
        lookup.read_source_table(tmp_path / "a.csv", ["id", "sex"])


def test_a_gz_that_ends_early(tmp_path: Path) -> None:
    whole = gzip.compress(b"id,sex\n" + b"1,F\n" * 1000)
    (tmp_path / "a.csv.gz").write_bytes(whole[:-9])
    with pytest.raises(DataError, match="gzip stream is damaged or ends early"):
        lookup.read_source_table(tmp_path / "a.csv.gz", ["id", "sex"])


def _find(root: Path, *names: str) -> list[str]:
    cells = pd.Series(names)
    found = lookup.find_images(cells, root=root, search=[".", "a", "[0-9]"], file=root / "t.csv", column="f")
    return found.tolist()


def test_images_are_found_by_name(tmp_path: Path) -> None:
    for path in ("x.png", "a/y.png", "7/z.png", "b/w.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    assert _find(tmp_path, "x.png", "y.png", "z.png", "w.png") == ["x.png", "a/y.png", "7/z.png", "w.png"]
    assert _find(tmp_path, "v.png") == ["v.png"]
    (tmp_path / "7/y.png").write_bytes(b"")
    with pytest.raises(DataError, match="in more than one of the searched folders"):
        _find(tmp_path, "y.png")


@pytest.mark.parametrize("name", ["../x.png", "/etc/passwd", "a/x.png", "c:x.png", "a\\x.png", "", "~/x"])
def test_a_name_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="row 2, column 'f': not a bare file name"):
        _find(tmp_path, "x.png", name)


def test_a_link_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.png").write_bytes(b"")
    (tmp_path / "root/x.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match="symbolic link leads out"):
        _find(tmp_path / "root", "x.png")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_files_that_end_early(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"x.{suffix}"
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(file)
    whole = file.read_bytes()
    assert not lookup.ends_early(file)
    file.write_bytes(whole + b"\0" * 16)
    assert not lookup.ends_early(file)
    for cut in (0, 1, 5, len(whole) // 2, len(whole) - 2):
        file.write_bytes(whole[:cut])
        assert lookup.ends_early(file)
    file.write_bytes(whole[:-20] + b"\0" * 20)
    assert lookup.ends_early(file)
    file.write_bytes(b"GIF89a" + whole)
    assert lookup.ends_early(file)


def test_names_become_columns() -> None:
    named = pd.Series(["a", "b", "c", "", "b"], index=[3, 3, 5, 8, 9])
    given = pd.Series([True, True, False, True], index=[3, 5, 8, 9])
    hot = lookup.multi_hot(named, {"A": ["a"], "BC": ["b", "c"]}, given=given)
    assert hot.index.tolist() == [3, 5, 8, 9]
    assert hot.to_dict("list") == {"A": ["1", "0", "", "0"], "BC": ["1", "1", "", "1"]}


@pytest.mark.parametrize("kind", ["pipe", "long"])
def test_a_source_that_is_neither_file_nor_folder(kind: str, tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300 if kind == "long" else "pipe")
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(DataError, match="no such file or folder"):
        lookup.one_source([path], reader="nih", wants="a table")
