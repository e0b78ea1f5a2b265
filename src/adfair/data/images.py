"""Grey images as uint8 squares, decoded with PIL: one file or a whole table.

Only PNG, JPEG, TIFF and BMP are opened. EXIF orientation is not applied (radiographs carry none that can be
trusted). Colour is reduced to luma. 16-bit pixels keep their full range: 0-65535 becomes 0-255, so that grey
levels stay comparable between images (our choice). Images that are not square are cropped to their central
square and then resized with an antialiased bicubic filter (our choice).
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from adfair.data.paths import list_images
from adfair.errors import DataError

if TYPE_CHECKING:
    from adfair.data.manifest import Cohort

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
MAX_PIXELS = 80_000_000
"""Twice the largest film scans; a header that claims more is taken for a decompression bomb."""

_CHUNK = 64
Progress = Callable[[int], None]
Square = Callable[[np.ndarray], np.ndarray]


def read_image(path: Path | str, *, size: int | None = None) -> np.ndarray:
    """Decode one image.

    Args:
        path: the file.
        size: side of the square to return; the image as it is when None.

    Returns:
        uint8 [size, size], or [height, width] without ``size``.

    Raises:
        DataError: missing, truncated, not an image of a supported format or mode, or too large.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _fault(path, f"{image.width} x {image.height} pixels are more than {MAX_PIXELS:,}")
            image.load()
            return _square(_grey(image, path), size)
    except DataError:
        raise
    except FileNotFoundError:
        raise _fault(path, "no such image file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _fault(path, f"more than {MAX_PIXELS:,} pixels") from None
    except Exception:
        # Decoders meet hostile bytes here and raise anything from SyntaxError to struct.error; all of it
        # means that the file is damaged.
        raise _fault(path, "the image is damaged, truncated or not PNG, JPEG, TIFF or BMP") from None


def _fault(path: Path | str, what: str) -> DataError:
    return DataError.at(what, file=path, remedy="Replace the file or remove its row.")


def _grey(image: Image.Image, path: Path | str) -> Image.Image:
    if image.mode == "L":
        return image
    if image.mode in ("1", "LA", "P", "PA", "RGB", "RGBA", "YCbCr"):
        return image.convert("RGB").convert("L") if image.mode in ("P", "PA") else image.convert("L")
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise _fault(path, "pixel values outside 16 bits")
        return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    raise _fault(path, f"pixels of mode {image.mode} are not grey or RGB")


def _square(image: Image.Image, size: int | None) -> np.ndarray:
    if size is None or image.size == (size, size):
        return np.asarray(image)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # Cropped first: a filter over resize's own box would let in pixels from outside it.
    cropped = image.crop((left, top, left + side, top + side))
    return np.asarray(cropped.resize((size, size), Image.Resampling.BICUBIC))


def load_images(
    cohort: "Cohort",
    table: pd.DataFrame,
    *,
    size: int,
    square: Square | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Decode the images of some rows of a cohort into memory, in threads.

    Args:
        cohort: gives the folder.
        table: [N] rows of ``cohort.table`` or of one of its splits.
        size: side of the squares in pixels.
        square: makes an image of any shape [size, size] in its own way; ``None``: as ``read_image`` does.
        progress: called with the number of images done since the last call.

    Returns:
        uint8 [N, size, size], one byte a pixel until the batch is made; or what ``square`` gives.

    Raises:
        DataError: names the image file and its manifest row; nothing is returned half-filled.
    """
    out = np.empty((0 if square else len(table), size, size), dtype=np.uint8)
    for start, images in _decoded(cohort, table, size=size, square=square):
        if len(out) < len(table):  # a model's own squares may hold fractions
            out = np.empty((len(table), size, size), dtype=images[0].dtype)
        out[start : start + len(images)] = images
        if progress:
            progress(len(images))
    return out


def verify_images(cohort: "Cohort", table: pd.DataFrame, *, progress: Progress | None = None) -> None:
    """Decode every image and keep none. Raises DataError for the first that cannot be decoded."""
    for _, images in _decoded(cohort, table, size=None):
        if progress:
            progress(len(images))


def _decoded(
    cohort: "Cohort", table: pd.DataFrame, *, size: int | None, square: Square | None = None
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
            _decode_row(cohort, path, image_id, size=size, square=square)
            for path, image_id in zip(paths[start : start + _CHUNK], ids[start : start + _CHUNK], strict=True)
        ]

    starts = range(0, len(paths), _CHUNK)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        yield from zip(starts, pool.map(decode, starts), strict=True)


def _decode_row(
    cohort: "Cohort", path: str, image_id: str, *, size: int | None, square: Square | None
) -> np.ndarray:
    file = os.path.join(cohort.image_root, path)
    try:
        return read_image(file, size=size) if square is None else square(read_image(file))
    except DataError as error:
        raise _at_row(cohort, image_id, str(error)) from None


def _at_row(cohort: "Cohort", image_id: str, what: str) -> DataError:
    row = int((cohort.table["image_id"] == image_id).to_numpy().argmax()) + 1
    return DataError.at(what, file=cohort.root, row=row, column="image_path")
