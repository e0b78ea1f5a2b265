"""The image cache of a cohort: every image as a uint8 square in one file, gathered by row without a decoder.

    COHORT/cache/224-crop/index.json   what the cache is; written last, so a folder without it is unfinished
                          images.u8    uint8 [N, S, S], row i of the manifest at i * S * S
                          images.csv   a row an image: image_id, sha256 of its S * S bytes, why it was refused

``adfair prepare`` writes it; ``adfair.data.shards`` is its other form, for ``--format webdataset``.
Training and evaluation use it where its size and fit are theirs; else they decode.
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from adfair.data.images import Progress, is_dark, load_images
from adfair.data.manifest import Cohort
from adfair.data.shards import ShardStack, open_shards
from adfair.data.squares import Fit
from adfair.errors import DataError

INDEX_FILE, PIXEL_FILE, ROW_FILE = "index.json", "images.u8", "images.csv"
VERSION = 1
"""Of the layout and of the decoder: raised when either would give other bytes."""
_LOOKED_AT = 1000


class CacheIndex(BaseModel):
    """The content of ``index.json``. Nothing in it depends on when or how often ``prepare`` was started.

    Attributes:
        manifest_sha256: of the manifest that the cache was made from.
        images: N, rows of the manifest. refused: how many of them could not be decoded (black in the cache).
        sha256: of the images' SHA-256 digests in order. rows_sha256: of ``images.csv``. note: of
            shards, the bytes of their JSON members; 0 for one file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    manifest_sha256: str
    size: int
    fit: Fit
    images: int
    refused: int
    sha256: str
    rows_sha256: str
    note: int = 0


@dataclass(frozen=True)
class CachedImages:
    """Rows of a cache that are read when they are asked for.

    Attributes:
        pixels: uint8 [M, S, S], mapped from the file or the shards.
        rows: int64 [N], where in it each image lies.
    """

    pixels: np.ndarray | ShardStack
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """[N, S, S]."""
        return (len(self.rows), *self.pixels.shape[1:])

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        """uint8 [B, S, S] of a slice or of int positions [B]."""
        # The positions are in range: 'clip' saves numpy a buffered check of each.
        return self.pixels.take(self.rows[key], axis=0, mode="clip")


Images = np.ndarray | CachedImages


def cache_folder(root: Path, *, size: int, fit: Fit, shards: bool = False) -> Path:
    """Where a cohort's cache of one size and fit lies, made or not."""
    return root / "cache" / f"{size}-{fit}{'-shards' if shards else ''}"


def find_cache(cohort: Cohort, *, size: int, fit: Fit) -> tuple[Path, CacheIndex] | None:
    """The finished cache of a size and fit: one file before shards. Raises DataError as ``read_index``."""
    for shards in (False, True):
        if index := read_index(cohort, size=size, fit=fit, shards=shards):
            return cache_folder(cohort.root, size=size, fit=fit, shards=shards), index
    return None


def read_index(cohort: Cohort, *, size: int, fit: Fit, shards: bool = False) -> CacheIndex | None:
    """The index of a finished cache, or ``None`` where there is none.

    Raises:
        DataError: the cache was made from another manifest or by another version, or is damaged.
    """
    folder = cache_folder(cohort.root, size=size, fit=fit, shards=shards)
    file = folder / INDEX_FILE
    remedy = (
        f"Make it again with 'adfair prepare {cohort.root} --size {size} --fit {fit} --force', or remove it."
    )
    if not file.is_file():
        return None
    try:
        index = CacheIndex.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        raise DataError.at("the image cache is damaged", file=file, remedy=remedy) from None
    if index.manifest_sha256 != cohort.info.manifest_sha256:
        raise DataError.at(
            "the image cache is of another manifest than the cohort's", file=file, remedy=remedy
        )
    if (index.version, index.size, index.fit) != (VERSION, size, fit):
        raise DataError.at("the image cache was made by another version", file=file, remedy=remedy)
    try:
        map_pixels(folder, index)
    except (OSError, ValueError):
        what = "the pixels have not the length that the index says, or are gone"
        raise DataError.at(what, file=folder, remedy=remedy) from None
    return index


def map_pixels(folder: Path, index: CacheIndex) -> np.ndarray | ShardStack:
    """uint8 [N, S, S] of a finished cache. Raises OSError or ValueError where the files are not whole."""
    if index.note:
        return open_shards(folder, images=index.images, size=index.size, note=index.note)
    if (folder / PIXEL_FILE).stat().st_size != index.images * index.size**2:
        raise ValueError("another length")
    return map_file(folder, images=index.images, size=index.size)


def map_file(folder: Path, *, images: int, size: int) -> np.ndarray:
    """uint8 [N, S, S] of a folder's one file, read from it when looked at."""
    return np.memmap(folder / PIXEL_FILE, dtype=np.uint8, mode="r", shape=(images, size, size))


def read_rows(folder: Path, index: CacheIndex) -> pd.DataFrame:
    """``images.csv`` as text: ``image_id``, ``sha256``, ``refused`` (empty for an image). Raises DataError if damaged."""
    data = (folder / ROW_FILE).read_bytes() if (folder / ROW_FILE).is_file() else b""
    if hashlib.sha256(data).hexdigest() != index.rows_sha256:
        raise DataError.at(
            f"{ROW_FILE} is not the one that {INDEX_FILE} describes",
            file=folder,
            remedy="Make the cache again with 'adfair prepare --force', or remove it.",
        )
    return pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)


def count_dark(pixels: np.ndarray | ShardStack, rows: pd.DataFrame) -> tuple[int, int]:
    """How many images of a cache are dark (``images.is_dark``), and of how many: some that were not refused, evenly spread.

    Args:
        pixels: uint8 [N, S, S]. rows: [N] of ``images.csv``.
    """
    readable = np.flatnonzero((rows["refused"] == "").to_numpy())
    some = readable[np.linspace(0, len(readable) - 1, min(len(readable), _LOOKED_AT)).astype(int)]
    return sum(is_dark(pixels.take(some[i : i + 1], axis=0)) for i in range(len(some))), len(some)


def digest_of(digests: Iterable[str]) -> str:
    """SHA-256 of many SHA-256 digests: one figure for the whole cache without a second pass over it."""
    whole = hashlib.sha256()
    for each in digests:
        whole.update(bytes.fromhex(each))
    return whole.hexdigest()


def leave_out_refused(cohort: Cohort, *, size: int, fit: Fit = "crop") -> Cohort:
    """The cohort without the images that ``adfair prepare`` refused within its ``--max-bad``; else the same cohort.

    The rest keep the row numbers that they have in the manifest, for messages.
    """
    found = find_cache(cohort, size=size, fit=fit)
    if found is None or not found[1].refused:
        return cohort
    rows = read_rows(*found)
    bad = cohort.table["image_id"].isin(rows.loc[rows["refused"] != "", "image_id"])
    return replace(cohort, table=cohort.table[~bad], left_out=cohort.left_out + int(bad.sum()))


def open_images(
    cohort: Cohort, table: pd.DataFrame, *, size: int, fit: Fit = "crop", progress: Progress | None = None
) -> Images:
    """Images of some rows of a cohort: from its cache where a finished one fits, else decoded into memory.

    Args:
        cohort, table, size, fit, progress: as for ``load_images``.

    Returns:
        [N, size, size]; both kinds give uint8 [B, size, size] for a slice or positions.

    Raises:
        DataError: the cache is stale or damaged; an image is missing, damaged or was refused.
    """
    found = find_cache(cohort, size=size, fit=fit)
    if found is None:
        return load_images(cohort, table, size=size, fit=fit, progress=progress)
    # By id, not by place in the table: it may be a part of the manifest's rows, without excluded patients for one.
    rows = pd.Index(read_rows(*found)["image_id"]).get_indexer(table["image_id"])
    assert (rows >= 0).all(), "rows of the manifest that the cache was made from"
    return CachedImages(map_pixels(*found), rows)
