"""The image cache as WebDataset shards: tar files that can be read in sequence, kept apart, or streamed elsewhere.

    COHORT/cache/224-crop-shards/index.json, images.csv    as in ``adfair.data.cache``
                                 shard-000000.tar          rows 0 to 999 of the manifest, and so on

A sample is ``000000017.npy`` (uint8 [S, S]) and ``000000017.json`` (``image_id``, ``split``, ``refused``), its key the row
of the manifest. Every sample takes as many bytes as any other, so a row is also found without reading the shard.
The files are written and read by the standard library; the ``webdataset`` package reads them as they are.
"""

import io
import json
import os
import tarfile
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adfair.data.staging import sync_folder

SHARD = 1000
_BLOCK, _NPY_HEADER = 512, 128


@dataclass(frozen=True)
class ShardStack:
    """The pixels of many shards as if they were one array [N, S, S] that can only be taken from."""

    parts: tuple[np.ndarray, ...]
    shape: tuple[int, int, int]

    def take(self, rows: np.ndarray, *, axis: int = 0, mode: str = "clip") -> np.ndarray:
        """uint8 [B, S, S] of rows int64 [B]; one shard after the other."""
        out = np.empty((len(rows), *self.shape[1:]), dtype=np.uint8)
        shards = rows // SHARD
        for shard in np.unique(shards):
            wanted = shards == shard
            out[wanted] = self.parts[shard][rows[wanted] - shard * SHARD]
        return out


def shard_file(folder: Path, number: int) -> Path:
    """The name of one shard."""
    return folder / f"shard-{number:06d}.tar"


def note_length(notes: pd.DataFrame) -> int:
    """Bytes that every JSON member is padded to."""
    longest = max(len(_note(row, 0)) for row in notes.to_dict("records"))
    return -(-longest // _BLOCK) * _BLOCK


def write_shards(folder: Path, pixels: np.ndarray, notes: pd.DataFrame) -> None:
    """Write what is not there yet; each shard appears whole, under its name, once it is on the disk.

    Args:
        pixels: uint8 [N, S, S]. notes: [N] rows of ``image_id``, ``split``, ``refused``.
    """
    length = note_length(notes)
    for start in range(0, len(pixels), SHARD):
        file = shard_file(folder, start // SHARD)
        if file.exists():
            continue
        partial = file.with_suffix(".partial")
        with partial.open("wb") as raw:
            with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for i, row in enumerate(notes.iloc[start : start + SHARD].to_dict("records"), start):
                    buffer = io.BytesIO()
                    np.save(buffer, np.ascontiguousarray(pixels[i]))
                    _add(tar, f"{i:09d}.npy", buffer.getvalue())
                    _add(tar, f"{i:09d}.json", _note(row, length))
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(partial, file)
    sync_folder(folder)


def _note(row: Mapping[Hashable, Any], length: int) -> bytes:
    return json.dumps({key: row[key] for key in ("image_id", "split", "refused")}).encode().ljust(length)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def open_shards(folder: Path, *, images: int, size: int, note: int) -> ShardStack:
    """Map the shards of a folder. Raises OSError or ValueError where one is missing or too short."""
    payload = -(-(_NPY_HEADER + size * size) // _BLOCK) * _BLOCK
    stride = _BLOCK + payload + _BLOCK + note
    parts = []
    for start in range(0, images, SHARD):
        count = min(SHARD, images - start)
        whole = np.memmap(shard_file(folder, start // SHARD), dtype=np.uint8, mode="r")
        if len(whole) < count * stride:
            raise ValueError("a shard is too short")
        samples = whole[: count * stride].reshape(count, stride)[:, _BLOCK + _NPY_HEADER :]
        parts.append(samples[:, : size * size].reshape(count, size, size))
    return ShardStack(tuple(parts), (images, size, size))
