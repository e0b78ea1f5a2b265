"""Image files of an import: found below the root, and copied."""

from pathlib import Path

import pandas as pd
import pytest

from adfair.data.readers.files import copy_images, locate
from adfair.data.readers.mapping import Images
from adfair.errors import DataError

FILE = Path("source.csv")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three images: one at the root, two in folders; and a file beside the root."""
    folder = tmp_path / "root"
    for name in ("1.png", "a/2.png", "b/c/3.png", "../beside/4.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def found(root: Path, paths: list[str], **images: object) -> dict[int, str]:
    """Located paths by the index of their row: 4, 5, ..."""
    series = pd.Series(paths, index=range(4, 4 + len(paths)))
    return locate(series, Images.model_validate(images), root=root, file=FILE).to_dict()


def test_names_are_searched_in_the_root_and_in_nested_folders(root: Path) -> None:
    got = found(root, ["3.png", "1.png", "2.png", "3.png"], search=[".", "a", "*/c"])
    assert got == {4: "b/c/3.png", 5: "1.png", 6: "a/2.png", 7: "b/c/3.png"}


def test_a_folder_that_two_patterns_match_is_searched_once(root: Path) -> None:
    assert found(root, ["2.png"], search=["a", "*", "**"]) == {4: "a/2.png"}


def test_copies_matter_only_for_names_that_are_wanted(root: Path) -> None:
    (root / "b" / "2.png").touch()
    assert found(root, ["3.png"], search=["**"]) == {4: "b/c/3.png"}
    with pytest.raises(
        DataError, match=r"row 5, .*: the file is in more than one .* narrow 'images: search'"
    ):
        found(root, ["2.png"], search=["**"])


def test_missing_files_are_empty_where_asked_and_refused_by_row_otherwise(root: Path) -> None:
    paths = ["1.png", "a/9.png", "none/1.png", "a/2.png"]
    assert found(root, paths, missing="drop") == {4: "1.png", 5: "", 6: "", 7: "a/2.png"}
    assert found(root, ["9.png", "1.png"], search=["."], missing="drop") == {4: "", 5: "1.png"}
    with pytest.raises(
        DataError, match=r"source\.csv, row 6, column 'image_path': no such image file \(also row 7\)"
    ) as error:
        found(root, paths)
    assert str(root) in str(error.value)
    assert "'missing: drop'" in str(error.value)


@pytest.mark.parametrize("path", ["", "../beside/4.png", "a/../../beside/4.png", "/1.png", "a\\2.png", "a/"])
def test_a_path_that_leaves_the_root_is_refused_even_where_missing_ones_are_dropped(
    root: Path, path: str
) -> None:
    with pytest.raises(DataError, match="row 6, column 'image_path': not a path inside the image folder"):
        found(root, ["1.png", path], missing="drop")


def test_a_search_or_a_linked_folder_does_not_lead_out_of_the_root(root: Path) -> None:
    (root / "link").symlink_to(root.parent / "beside")
    for paths, search in ((["4.png"], ["link"]), (["link/4.png"], [])):
        with pytest.raises(DataError, match=r"row 5, column 'image_path': .* out of the image folder"):
            found(root, paths, search=search, missing="drop")


def test_images_are_copied_once_to_the_same_place(root: Path, tmp_path: Path) -> None:
    done: list[int] = []
    paths = pd.Series(["1.png", "b/c/3.png", "1.png"])
    copy_images(paths, root=root, out=tmp_path / "out", progress=done.append)
    copied = {
        p.relative_to(tmp_path / "out").as_posix(): p.read_text() for p in (tmp_path / "out").rglob("*.png")
    }
    assert copied == {"1.png": "1.png", "b/c/3.png": "b/c/3.png"}
    assert done == [1, 1]


def test_a_file_that_cannot_be_copied_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"root, row 2, column 'image_path': cannot be copied \(No such file .* Check space"
    ):
        copy_images(pd.Series(["1.png", "a/9.png"]), root=root, out=tmp_path / "out")
