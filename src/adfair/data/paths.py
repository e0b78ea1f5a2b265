"""Image paths of a manifest: inside the cohort, by their text and by what they are on disk."""

import os
from pathlib import Path

import pandas as pd

OUTSIDE = r"^[/\\~]|\\|^[A-Za-z][A-Za-z0-9+.-]*:|(?:^|/)\.\.(?:/|$)|[\x00-\x1f]"
"""Absolute paths, home folders, back slashes, drives and URLs, parent folders, control characters."""

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dcm")


def outside_by_text(paths: pd.Series) -> pd.Series:
    """True where a path, by its text alone, is not a plain relative path of folders and a file."""
    return paths.str.contains(OUTSIDE, regex=True) | paths.eq("") | paths.str.endswith("/")


def list_images(root: Path, paths: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Look at each folder once instead of at each file.

    Args:
        root: folder that the paths are relative to.
        paths: [N] relative paths that passed ``outside_by_text``.

    Returns:
        Two boolean series [N]: no such plain file; the file lies outside ``root`` because of a symbolic link.
    """
    base = Path(os.path.realpath(root))
    split = paths.str.rpartition("/")
    folders, names = split[0].tolist(), split[2].tolist()
    folder_faults = {folder: not _inside(base, folder) for folder in set(folders)}
    listings = {folder: _list_folder(base / folder) for folder, fault in folder_faults.items() if not fault}
    missing, outside = [], []
    for folder, name in zip(folders, names, strict=True):
        escaped = folder_faults[folder]
        is_link = None if escaped else listings[folder].get(name)
        linked_out = escaped or (is_link is True and not _inside(base, f"{folder}/{name}"))
        dangling = is_link is True and not os.path.isfile(base / folder / name)
        missing.append(not linked_out and (is_link is None or dangling))
        outside.append(linked_out)
    return pd.Series(missing, index=paths.index, dtype=bool), pd.Series(
        outside, index=paths.index, dtype=bool
    )


def count_unlisted(root: Path, paths: pd.Series) -> int:
    """Image files that no row names, in the folders that rows name."""
    named = set(paths)
    return sum(
        f"{folder}/{name}".lstrip("/") not in named
        for folder in {path.rpartition("/")[0] for path in named}
        for name in _list_folder(root / folder)
        if name.lower().endswith(IMAGE_SUFFIXES)
    )


def _list_folder(folder: Path) -> dict[str, bool]:
    """File name -> whether it is a symbolic link; empty when there is no such folder.

    A folder, pipe or device is no image file. The kind comes with the listing: nothing is looked at twice.
    """
    try:
        with os.scandir(folder) as entries:
            return {
                entry.name: entry.is_symlink()
                for entry in entries
                if entry.is_symlink() or entry.is_file(follow_symlinks=False)
            }
    except OSError:
        return {}


def _inside(base: Path, relative: str) -> bool:
    real = os.path.realpath(os.path.join(base, relative.lstrip("/")))
    return real == str(base) or real.startswith(str(base).rstrip(os.sep) + os.sep)
