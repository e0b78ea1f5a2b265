"""Image files of an import: there or not, inside their folder or not, and those that no row names."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from adfair.data.paths import list_images, outside_by_text
from adfair.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".dcm", ".npz")


@dataclass(frozen=True)
class Search:
    """What a search for image files found.

    Attributes:
        missing: [N] no such file.
        outside: [N] the path leaves the root, by its text or by a link.
        without_row: image files in the folders searched that no row of the source names.
    """

    missing: pd.Series
    outside: pd.Series
    without_row: int


def search_files(root: Path, paths: pd.Series, *, known: pd.Series) -> Search:
    """Look for the files of some rows; one listing a folder.

    Args:
        root: the image folder.
        paths: [N] relative paths of the rows to look for; '' is a missing file.
        known: paths of all rows of the source; their files are not counted as without a row.
    """
    outside = outside_by_text(paths) & paths.ne("")
    missing, linked_out = list_images(root, paths.mask(outside, ""))
    folders = set(paths[~outside & ~linked_out & paths.ne("")].str.rpartition("/")[0])
    return Search(
        missing=(missing | paths.eq("")) & ~outside,
        outside=outside | (linked_out & paths.ne("")),
        without_row=_without_row(root, folders, set(known)),
    )


def _without_row(root: Path, folders: set[str], known: set[str]) -> int:
    count = 0
    for folder in folders:
        if not (root / folder).is_dir():
            continue
        for name in os.listdir(root / folder):
            path = f"{folder}/{name}" if folder else name
            count += name.lower().endswith(SUFFIXES) and path not in known
    return count


def hash_files(root: Path, paths: pd.Series) -> pd.Series:
    """SHA-256 of every file, in hexadecimal. Raises DataError when one cannot be read."""
    found = [_hash_file(root, path, row) for row, path in zip(paths.index + 1, paths, strict=True)]
    return pd.Series(found, index=paths.index, dtype=str)


def _hash_file(root: Path, path: str, row: int) -> str:
    try:
        with (root / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise DataError.at(
            what, file=root, row=row, column="image_path", remedy="Check its permissions."
        ) from None
