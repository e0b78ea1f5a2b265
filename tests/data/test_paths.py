"""No image is read from outside the cohort."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from adfair.data.images import load_images
from adfair.data.manifest import Cohort, load_cohort
from adfair.data.paths import list_images, outside_by_text
from adfair.errors import DataError

OUTSIDE = [
    "/etc/passwd",
    "/images/0.png",
    "//server/share/0.png",
    "../0.png",
    "images/../../0.png",
    "images/..",
    "..",
    "a/b/../../../0.png",
    "..\\0.png",
    "images\\..\\..\\0.png",
    "\\\\server\\share\\0.png",
    "C:\\images\\0.png",
    "C:/images/0.png",
    "c:0.png",
    "~/0.png",
    "~root/0.png",
    "file:///etc/passwd",
    "http://host/0.png",
    "s3://bucket/0.png",
    "images/0.png\x00.jpg",
    "images/\n0.png",
    "images/",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_outside_is_refused_by_its_text(path: str, spoil: Callable[..., Path]) -> None:
    root = spoil(row=9, column="image_path", cell=path)
    with pytest.raises(
        DataError, match=r"row 9, column 'image_path': not a path inside the cohort.*relative to"
    ):
        load_cohort(root)


@pytest.mark.parametrize("path", ["0.png", "images/0.png", "a/b/c.d/0..1.png", "a b/é.png", "..hidden/x.png"])
def test_ordinary_paths_pass(path: str) -> None:
    assert not outside_by_text(pd.Series([path])).any()


def _link_file(cohort: Cohort, outside: Path) -> None:
    (cohort.root / "images/3.png").unlink()
    (cohort.root / "images/3.png").symlink_to(outside / "3.png")


def _link_relative(cohort: Cohort, outside: Path) -> None:
    (cohort.root / "images/3.png").unlink()
    (cohort.root / "images/3.png").symlink_to(Path("../..") / outside.name / "3.png")


def _link_chain(cohort: Cohort, outside: Path) -> None:
    (cohort.root / "hop.png").symlink_to(outside / "3.png")
    (cohort.root / "images/3.png").unlink()
    (cohort.root / "images/3.png").symlink_to(cohort.root / "hop.png")


@pytest.mark.parametrize("link", [_link_file, _link_relative, _link_chain])
def test_a_link_out_of_the_cohort_is_refused_at_load_and_at_read(
    link: Callable[[Cohort, Path], None], cohort: Cohort, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "3.png").write_bytes((cohort.root / "images/3.png").read_bytes())
    link(cohort, outside)
    with pytest.raises(
        DataError, match=r"row 4, column 'image_path': a symbolic link leads out.*Copy the file"
    ):
        load_cohort(cohort.root)
    with pytest.raises(
        DataError, match=r"row 4, column 'image_path': a symbolic link leads out.*Copy the file"
    ):
        load_images(cohort, cohort.table, size=8)


def test_a_linked_folder_out_of_the_cohort_is_refused(cohort: Cohort, tmp_path: Path) -> None:
    (cohort.root / "images").rename(tmp_path / "moved")
    (cohort.root / "images").symlink_to(tmp_path / "moved")
    with pytest.raises(DataError, match=r"row 1, column 'image_path': a symbolic link leads out"):
        load_cohort(cohort.root)


def test_a_sibling_with_the_same_beginning_is_outside(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data-private").mkdir()
    (tmp_path / "data-private/0.png").write_bytes(b"")
    (tmp_path / "data/0.png").symlink_to(tmp_path / "data-private/0.png")
    _, outside = list_images(tmp_path / "data", pd.Series(["0.png"]))
    assert outside.tolist() == [True]


def test_links_that_stay_inside_are_followed(cohort: Cohort) -> None:
    (cohort.root / "images/3.png").rename(cohort.root / "kept.png")
    (cohort.root / "images/3.png").symlink_to(cohort.root / "kept.png")
    assert len(load_cohort(cohort.root, check_images=True).table) == 12


def test_the_cohort_itself_may_be_a_link(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(cohort.root)
    assert len(load_cohort(tmp_path / "alias", check_images=True).table) == 12


def test_missing_files_are_told_from_present_ones(cohort: Cohort) -> None:
    paths = pd.Series(["images/0.png", "images/none.png", "nowhere/0.png"])
    missing, outside = list_images(cohort.root, paths)
    assert missing.tolist() == [False, True, True]
    assert not outside.any()


def test_what_is_no_plain_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing.png")
    (tmp_path / "whole.png").write_bytes(b"")
    names = ["folder.png", "pipe.png", "loop.png", "gone.png", "whole.png"]
    missing, outside = list_images(tmp_path, pd.Series(names))
    assert missing.tolist() == [True, True, True, True, False]
    assert not outside.any()
