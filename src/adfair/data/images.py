"""Grey images as uint8 squares: one file or a whole table, decoded anew.

``adfair.data.decode`` says what becomes of the bytes, ``adfair.data.squares`` of the shape. ``adfair.data.cache``
keeps the result.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from adfair.data.decode import decode
from adfair.data.paths import list_images
from adfair.data.squares import Fit, square
from adfair.errors import DataError

if TYPE_CHECKING:
    from adfair.data.manifest import Cohort

_CHUNK = 64
_DARK = 64
Progress = Callable[[int], None]
Square = Callable[[np.ndarray], np.ndarray]


def read_image(path: Path | str, *, size: int | None = None, fit: Fit = "crop") -> np.ndarray:
    """Decode one image.

    Args:
        path: the file.
        size: side of the square to return; the image as it is when None.
        fit: how an image that is not square becomes one, see ``adfair.data.squares``.

    Returns:
        uint8 [size, size], or [height, width] without ``size``.

    Raises:
        DataError: missing, truncated, not an image of a supported format or mode, or too large.
        MissingExtraError: a DICOM file, and the extra ``dicom`` is not installed.
    """
    image, full = decode(path, size=size, fit=fit)
    if size is None:
        return np.asarray(image)
    return square(image, size, fit=fit, full=None if full == image.size else full)


def load_images(
    cohort: "Cohort",
    table: pd.DataFrame,
    *,
    size: int,
    fit: Fit = "crop",
    square: Square | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Decode the images of some rows of a cohort into memory, in threads.

    Args:
        cohort: gives the folder.
        table: [N] rows of ``cohort.table`` or of one of its splits.
        size: side of the squares in pixels. fit: see ``read_image``.
        square: makes an image of any shape [size, size] in its own way; ``None``: as ``read_image`` does.
        progress: called with the number of images done since the last call.

    Returns:
        uint8 [N, size, size], one byte a pixel until the batch is made; or what ``square`` gives.

    Raises:
        DataError: names the image file and its manifest row; nothing is returned half-filled.
    """
    out = np.empty((0 if square else len(table), size, size), dtype=np.uint8)
    for start, images in _decoded(cohort, table, size=size, fit=fit, square=square):
        if len(out) < len(table):  # a model's own squares may hold fractions
            out = np.empty((len(table), size, size), dtype=images[0].dtype)
        out[start : start + len(images)] = images
        if progress:
            progress(len(images))
    return out


def verify_images(cohort: "Cohort", table: pd.DataFrame, *, progress: Progress | None = None) -> int:
    """Decode every image and keep none. Raises DataError for the first that cannot be decoded.

    Returns:
        How many are dark, see ``is_dark``.
    """
    dark = 0
    for _, images in _decoded(cohort, table, size=None):
        dark += sum(map(is_dark, images))
        if progress:
            progress(len(images))
    return dark


def is_dark(image: np.ndarray) -> bool:
    """Whether no pixel reaches a quarter of the grey scale, as where a file of 16 bits holds values of 12 (our choice)."""
    return bool(image.max() < _DARK)


def _decoded(
    cohort: "Cohort",
    table: pd.DataFrame,
    *,
    size: int | None,
    fit: Fit = "crop",
    square: Square | None = None,
) -> Iterator[tuple[int, list[np.ndarray]]]:
    paths = table["image_path"].tolist()
    ids = table["image_id"].tolist()
    _, outside = list_images(cohort.image_root, table["image_path"].reset_index(drop=True))
    if outside.any():
        raise _at_row(
            cohort, ids[int(outside.argmax())], "a symbolic link leads out of the cohort. Copy the file"
        )

    def decode(start: int) -> list[np.ndarray]:
        return [
            _decode_row(cohort, path, image_id, size=size, fit=fit, square=square)
            for path, image_id in zip(paths[start : start + _CHUNK], ids[start : start + _CHUNK], strict=True)
        ]

    starts = range(0, len(paths), _CHUNK)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        yield from zip(starts, pool.map(decode, starts), strict=True)


def _decode_row(
    cohort: "Cohort", path: str, image_id: str, *, size: int | None, fit: Fit, square: Square | None
) -> np.ndarray:
    file = os.path.join(cohort.image_root, path)
    try:
        return read_image(file, size=size, fit=fit) if square is None else square(read_image(file))
    except DataError as error:
        raise _at_row(cohort, image_id, str(error).removeprefix(f"{file}: ")) from None


def _at_row(cohort: "Cohort", image_id: str, what: str) -> DataError:
    at = int((cohort.table["image_id"] == image_id).to_numpy().argmax())
    row = int(cohort.table.index[at]) + 1
    return DataError.at(what, file=cohort.root, row=row, column="image_path")
