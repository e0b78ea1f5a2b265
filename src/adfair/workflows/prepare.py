"""``prepare``: decode every image of a cohort once, in several processes, and go on after a kill."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from adfair.data import cache
from adfair.data.chunks import CHUNK, Target, digests
from adfair.data.images import Progress
from adfair.data.journal import Chunk, Journal
from adfair.data.manifest import Cohort, load_cohort
from adfair.data.paths import count_unlisted, list_images
from adfair.data.shards import note_length, write_shards
from adfair.data.squares import FITS, Fit
from adfair.data.staging import replace_file
from adfair.errors import ConfigError, DataError
from adfair.workflows.decode_pool import decoded_chunks

REFUSED_FILE = "refused.csv"
_BEYOND_BUDGET = 20
_SIZES = range(16, 4097)
Format = Literal["memmap", "webdataset"]


@dataclass(frozen=True)
class Prepared:
    """A finished cache.

    Attributes:
        folder: where it lies. index: what it is.
        refused: ``row`` (of the manifest, from 1), ``image_id`` and ``refused`` (the reason) of the images that have
            no pixels.
        unlisted: image files beside those of the manifest that no row names.
        found: it was there already, and its hashes were verified.
        dark, looked_at: how many of how many images stay below a quarter of the grey scale, see ``cache.count_dark``.
    """

    folder: Path
    index: cache.CacheIndex
    refused: pd.DataFrame
    unlisted: int
    found: bool
    dark: int
    looked_at: int


def prepare(
    cohort: Cohort | Path | str,
    *,
    size: int = 224,
    fit: Fit = "crop",
    workers: int | None = None,
    max_bad: float = 0.0,
    format: Format = "memmap",
    force: bool = False,
    progress: Progress | None = None,
) -> Prepared:
    """Write the image cache of a cohort, or verify the one that is there.

    Killed at any moment, it goes on from the last chunk on the disk, and the result has the same bytes.

    Args:
        cohort: a cohort, or its folder.
        size: side of the squares in pixels. fit: ``crop`` or ``pad``, see ``adfair.data.squares``.
        workers: processes; one per processor by default.
        max_bad: share of images, 0 to 1, that may be refused and are then left out of training and evaluation.
        format: ``memmap``, one file; or ``webdataset``, tar files of a thousand images, made from that file, which is
            removed in the end.
        force: make it anew.
        progress: called with the number of images done since the last call.

    Raises:
        DataError: more images are refused than allowed (``refused.csv`` lists them); a link leads out of the cohort;
            the cache there is stale or damaged; the disk is full.
        ConfigError: a value out of range.
        MissingExtraError: DICOM files, and the extra ``dicom`` is not installed.
    """
    _check_options(size=size, fit=fit, max_bad=max_bad, format=format)
    cohort = cohort if isinstance(cohort, Cohort) else load_cohort(cohort)
    shards = format == "webdataset"
    folder = cache.cache_folder(cohort.root, size=size, fit=fit, shards=shards)
    _claim(folder, force=force)
    journal = Journal(folder, _head(cohort, size=size, fit=fit))
    try:
        index = cache.read_index(cohort, size=size, fit=fit, shards=shards)
        found = index is not None
        if index is None:
            chunks = _decode_all(
                cohort, journal, size=size, fit=fit, workers=workers, max_bad=max_bad, report=progress
            )
            index = _finish(cohort, folder, chunks, size=size, fit=fit, shards=shards)
        rows = verify_cache(folder, index) if found else cache.read_rows(folder, index)
    except BaseException:
        journal.close()
        raise
    journal.close(remove=True)
    if shards:
        (folder / cache.PIXEL_FILE).unlink(missing_ok=True)
    rows = rows.assign(row=range(1, len(rows) + 1))
    refused = rows.loc[rows["refused"] != "", ["row", "image_id", "refused"]].reset_index(drop=True)
    unlisted = count_unlisted(cohort.image_root, cohort.table["image_path"])
    dark = cache.count_dark(cache.map_pixels(folder, index), rows)
    return Prepared(folder, index, refused, unlisted, found, *dark)


def _check_options(*, size: int, fit: str, max_bad: float, format: str) -> None:
    if size not in _SIZES or fit not in FITS or not 0 <= max_bad <= 1 or format not in get_args(Format):
        raise ConfigError(
            "prepare: --size is from 16 to 4096, --fit crop or pad, --max-bad from 0% to 100%, --format memmap or "
            "webdataset"
        )


def verify_cache(folder: Path, index: cache.CacheIndex) -> pd.DataFrame:
    """Compare every image of a cache with its hash; returns ``images.csv``. Raises DataError naming the first fault."""
    rows = cache.read_rows(folder, index)
    pixels = cache.map_pixels(folder, index)
    for start in range(0, index.images, CHUNK):
        said = rows["sha256"].iloc[start : start + CHUNK].tolist()
        seen = digests(pixels.take(np.arange(start, start + len(said)), axis=0))
        if bad := [i for i, (a, b) in enumerate(zip(said, seen, strict=True)) if a != b]:
            raise DataError.at(
                "the pixels in the cache are not those that were written",
                file=folder,
                row=start + bad[0] + 1,
                remedy="Make the cache again with --force.",
            )
    return rows


def _head(cohort: Cohort, *, size: int, fit: Fit) -> dict[str, object]:
    source = cohort.info.manifest_sha256
    rows = len(cohort.table)
    return {
        "version": cache.VERSION,
        "manifest_sha256": source,
        "size": size,
        "fit": fit,
        "rows": rows,
        "chunk": CHUNK,
    }


def _claim(folder: Path, *, force: bool) -> None:
    if force and folder.exists():
        # First of all what makes it a cache: a kill in between leaves no folder that passes for one.
        (folder / cache.INDEX_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError.at(
            f"cannot be made ({error.strerror})", file=folder, remedy="Make the cohort writable."
        ) from None


def _decode_all(
    cohort: Cohort,
    journal: Journal,
    *,
    size: int,
    fit: Fit,
    workers: int | None,
    max_bad: float,
    report: Progress | None,
) -> list[Chunk]:
    """Every chunk of the cache, those of the journal first; the pixels are then on the disk."""
    paths = cohort.table["image_path"].tolist()
    _refuse_links(cohort)
    target = Target(cohort.image_root, journal.path.parent / cache.PIXEL_FILE, size, fit)
    _make_room(target.pixels, len(paths) * size * size, keep=journal.resumed)
    done = {chunk.start: chunk for chunk in _still_there(target, journal.chunks, len(paths))}
    budget, refused = int(max_bad * len(paths)), dict[int, str]()
    todo = [start for start in range(0, len(paths), CHUNK) if start not in done]
    if report:
        report(sum(len(chunk.sha256) for chunk in done.values()))
    for chunk in decoded_chunks(target, paths, todo, chunk=CHUNK, workers=workers or os.cpu_count() or 1):
        journal.add(chunk)
        done[chunk.start] = chunk
        refused |= chunk.refused
        if report:
            report(len(chunk.sha256))
        if len(refused) > budget + _BEYOND_BUDGET:
            break
    if len(refused) > budget:
        raise _too_many(
            cohort,
            journal.path.parent,
            refused,
            budget=budget,
            done=sum(len(c.sha256) for c in done.values()),
        )
    return [done[start] for start in sorted(done)]


def _refuse_links(cohort: Cohort) -> None:
    _, outside = list_images(cohort.image_root, cohort.table["image_path"])
    if outside.any():
        raise DataError.at(
            "a symbolic link leads out of the cohort",
            file=cohort.root,
            row=int(outside.to_numpy().argmax()) + 1,
            column="image_path",
            remedy="Copy the file into the cohort's image folder.",
        )


def _make_room(file: Path, length: int, *, keep: bool) -> None:
    missing = length - (file.stat().st_blocks * 512 if keep and file.exists() else 0)
    free = shutil.disk_usage(file.parent).free
    if missing > free:
        what = f"the cache needs {missing / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"
        raise DataError.at(what, file=file.parent, remedy="Make room, or choose a smaller --size.")
    with open(file, "r+b" if keep and file.exists() else "wb") as out:
        out.truncate(length)


def _still_there(target: Target, chunks: Sequence[Chunk], rows: int) -> Iterator[Chunk]:
    """Chunks of the journal whose pixels have their hashes; one with a refused image is tried again."""
    pixels = cache.map_file(target.pixels.parent, images=rows, size=target.size)
    for chunk in chunks:
        if not chunk.refused and digests(pixels[chunk.start : chunk.start + CHUNK]) == chunk.sha256:
            yield chunk


def _too_many(cohort: Cohort, folder: Path, refused: dict[int, str], *, budget: int, done: int) -> DataError:
    ids = cohort.table["image_id"].to_numpy()
    rows = sorted(refused)
    listed = pd.DataFrame(
        {"row": [row + 1 for row in rows], "image_id": ids[rows], "refused": [refused[row] for row in rows]}
    )
    replace_file(folder / REFUSED_FILE, listed.to_csv(index=False).encode())
    share = f"{len(rows):,} of {done:,} images cannot be decoded, and --max-bad allows {budget:,}"
    return DataError.at(
        f"{share}; this one: {refused[rows[0]].rstrip('.')}",
        file=cohort.root,
        row=rows[0] + 1,
        column="image_path",
        remedy=f"All are in {folder / REFUSED_FILE}; or leave them out with --max-bad, for example --max-bad 0.1%.",
    )


def _finish(
    cohort: Cohort, folder: Path, chunks: Sequence[Chunk], *, size: int, fit: Fit, shards: bool
) -> cache.CacheIndex:
    refused = {row: why for chunk in chunks for row, why in chunk.refused.items()}
    hashes = [digest for chunk in chunks for digest in chunk.sha256]
    reasons = np.full(len(hashes), "", dtype=object)
    for row, why in refused.items():
        reasons[row] = why
    table = pd.DataFrame({"image_id": cohort.table["image_id"], "sha256": hashes, "refused": reasons})
    data = table.to_csv(index=False).encode()
    replace_file(folder / cache.ROW_FILE, data)
    note = 0
    if shards:
        notes = table.assign(split=cohort.table["split"])
        note = note_length(notes)
        write_shards(folder, cache.map_file(folder, images=len(hashes), size=size), notes)
    index = cache.CacheIndex(
        version=cache.VERSION,
        manifest_sha256=cohort.info.manifest_sha256 or "",
        size=size,
        fit=fit,
        images=len(hashes),
        refused=len(refused),
        sha256=cache.digest_of(hashes),
        rows_sha256=hashlib.sha256(data).hexdigest(),
        note=note,
    )
    (folder / REFUSED_FILE).unlink(missing_ok=True)
    replace_file(folder / cache.INDEX_FILE, (index.model_dump_json(indent=2) + "\n").encode())
    return index
