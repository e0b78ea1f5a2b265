"""One chunk of a cache: decode its images, put them into the pixel file, force them to the disk."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adfair.data.images import read_image
from adfair.data.journal import Chunk
from adfair.data.squares import Fit
from adfair.errors import DataError

CHUNK = 128
"""Images a chunk: what is done again after a kill, and what a worker holds in memory."""


@dataclass(frozen=True)
class Target:
    """Where images come from and where they go.

    Attributes:
        image_root: the folder that paths are relative to. pixels: the file [N, S, S], at its full length.
        size, fit: of the squares.
    """

    image_root: Path
    pixels: Path
    size: int
    fit: Fit


def write_chunk(target: Target, start: int, paths: Sequence[str]) -> Chunk:
    """Decode rows ``start`` and following and write them; they are on the disk when this returns.

    An image that cannot be decoded is black in the file, and refused with its reason.

    Raises:
        DataError: the disk is full, or cannot be written to.
        MissingExtraError: DICOM files, and the extra ``dicom`` is not installed.
    """
    block = np.zeros((len(paths), target.size, target.size), dtype=np.uint8)
    refused = {}
    for i, path in enumerate(paths):
        file = os.path.join(target.image_root, path)
        try:
            block[i] = read_image(file, size=target.size, fit=target.fit)
        except DataError as error:
            refused[start + i] = str(error).removeprefix(f"{file}: ")
    try:
        _write(target.pixels, block, at=start * target.size**2)
    except OSError as error:
        raise DataError.at(
            f"cannot be written ({error.strerror})",
            file=target.pixels,
            remedy="Make room and run the command again: it goes on where it stopped.",
        ) from None
    return Chunk(start, digests(block), refused)


def digests(block: np.ndarray) -> list[str]:
    """SHA-256 of every image of uint8 [B, S, S]."""
    return [hashlib.sha256(image).hexdigest() for image in np.ascontiguousarray(block)]


def _write(path: Path, block: np.ndarray, *, at: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(block.data)
        file.flush()
        os.fsync(file.fileno())
