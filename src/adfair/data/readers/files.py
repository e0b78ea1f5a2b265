"""Find the image files of an import below its root, and copy them into the cohort when asked."""

import os
import shutil
from pathlib import Path

import pandas as pd

from adfair.data.images import Progress
from adfair.data.paths import list_images, outside_by_text
from adfair.data.readers.mapping import Images
from adfair.data.validate import refuse
from adfair.errors import DataError


def locate(paths: pd.Series, images: Images, *, root: Path, file: Path) -> pd.Series:
    """Paths relative to the image root.

    Args:
        paths: [N] as the table gives them; bare file names when ``images.search`` is set.
        images: the rule.
        root: the image folder.
        file: the table, named in messages; rows are counted by the index of ``paths``.

    Returns:
        [N] paths; empty where the file is missing and ``images.missing`` is ``drop``.

    Raises:
        DataError: a path leaves the root, by its text or by a link; a file is missing, or found twice.
    """
    remedy = f"Paths are relative to the image folder {root}; set 'images: root' in the mapping."
    refuse(
        outside_by_text(paths),
        "not a path inside the image folder",
        file=file,
        column="image_path",
        remedy=remedy,
    )
    if images.search:
        found = _index(root, images.search, paths=paths, file=file)
        paths = paths.map(lambda name: found.get(name, "")).astype(str)
    missing, outside = list_images(root, paths)
    missing |= paths.eq("")
    what = "a symbolic link leads out of the image folder"
    refuse(outside & ~missing, what, file=file, column="image_path", remedy="Copy the file into the folder.")
    if images.missing == "refuse":
        remedy = f"Expected below {root}; correct 'images' in the mapping, or set 'missing: drop' there."
        refuse(missing, "no such image file", file=file, column="image_path", remedy=remedy)
    return paths.mask(missing, "")


def _index(root: Path, patterns: list[str], *, paths: pd.Series, file: Path) -> dict[str, str]:
    """File name -> path relative to ``root``, over all folders that match a pattern."""
    found: dict[str, str] = {}
    wanted = set(paths)
    folders = sorted({folder for pattern in patterns for folder in list_folders(root, pattern)})
    for folder in folders:
        prefix = folder.relative_to(root).as_posix() + "/"
        for name in wanted.intersection(os.listdir(folder)):
            if name in found:
                raise DataError.at(
                    "the file is in more than one of the searched folders",
                    file=file,
                    row=_row(paths, name),
                    column="image_path",
                    remedy="Remove one of the copies or narrow 'images: search' in the mapping.",
                )
            found[name] = name if prefix == "./" else prefix + name
    return found


def _row(paths: pd.Series, path: str) -> int:
    """The number of the first row with a path, for messages."""
    return int(paths.index[paths.eq(path).to_numpy()][0]) + 1


def list_folders(root: Path, pattern: str) -> list[Path]:
    """Folders below ``root`` that match a pattern; ``.`` is the root itself."""
    if pattern in (".", ""):
        return [root] if root.is_dir() else []
    return [folder for folder in root.glob(pattern) if folder.is_dir()]


def copy_images(paths: pd.Series, *, root: Path, out: Path, progress: Progress | None = None) -> None:
    """Copy image files to the same relative paths below ``out``. Raises DataError when one cannot be read."""
    for folder in paths.str.rpartition("/")[0].unique():
        (out / folder).mkdir(parents=True, exist_ok=True)
    for path in paths.unique():
        try:
            shutil.copyfile(root / path, out / path)
        except OSError as error:
            raise DataError.at(
                f"cannot be copied ({error.strerror})",
                file=root,
                row=_row(paths, path),
                column="image_path",
                remedy="Check space and permissions.",
            ) from None
        if progress:
            progress(1)
