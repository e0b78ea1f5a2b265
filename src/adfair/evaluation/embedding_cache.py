"""Embeddings kept between evaluations, so that a tower runs once an image whatever is asked of it later.

An entry's name is a hash of everything that its numbers depend on: our version, the model's files (weights, settings,
vocabulary), how images reach it, the manifest, and size and time of every image file. An entry that is damaged is
computed again, which is said. Embeddings can give patients away, so the folder is readable by its owner alone.
"""

import hashlib
import io
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from adfair.data.manifest import Cohort
from adfair.data.staging import replace_file
from adfair.errors import DataError

FORMAT = "adfair embeddings 1"
_DIGEST = 32


def default_folder() -> Path:
    """``$ADFAIR_CACHE``, or ``adfair`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("ADFAIR_CACHE") or Path(base) / "adfair") / "embeddings"


def images_fingerprint(cohort: Cohort, split: str) -> str:
    """SHA-256 of a split's rows and of the size and time of its image files; pixels are not read."""
    table = cohort.split(split)
    digest = hashlib.sha256(f"{cohort.info.manifest_sha256}\n{split}\n".encode())
    for image_id, path in zip(table["image_id"], table["image_path"], strict=True):
        try:
            found = os.stat(cohort.image_root / path)
            state = f"{found.st_size} {found.st_mtime_ns}"
        except OSError:
            state = "absent"
        digest.update(f"{image_id}\0{path}\0{state}\n".encode())
    return digest.hexdigest()


@dataclass
class EmbeddingCache:
    """A folder of embeddings.

    Attributes:
        folder: made when first written to.
        notes: what a user should hear: entries that were damaged, or could not be kept.
        read, written: how many entries were.
    """

    folder: Path
    notes: list[str] = field(default_factory=list)
    read: int = 0
    written: int = 0

    def get(self, facts: dict[str, object], *, rows: int) -> np.ndarray | None:
        """The float32 [rows, D] kept under these facts; None where there is none or it is damaged."""
        file = self._file(facts)
        if not file.is_file():
            return None
        try:
            emb = _unpack(file.read_bytes(), rows=rows)
        except (ValueError, OSError, EOFError) as error:
            self.notes.append(
                f"cached embeddings {file.name} are damaged ({error}); they were computed again"
            )
            return None
        self.read += 1
        return emb

    def put(self, facts: dict[str, object], emb: np.ndarray) -> None:
        """Keep embeddings; a folder that cannot be written to is said, and nothing else happens."""
        file, buffer = self._file(facts), io.BytesIO()
        np.save(buffer, emb, allow_pickle=False)
        data = buffer.getvalue()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(file, hashlib.sha256(data).digest() + data)
            file.chmod(0o600)
            self.written += 1
        except OSError as error:
            self.notes.append(f"embeddings were not kept in {self.folder} ({error.strerror})")

    def _file(self, facts: dict[str, object]) -> Path:
        text = "\n".join([FORMAT, *(f"{key}={facts[key]}" for key in sorted(facts))])
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.npy"


def _unpack(data: bytes, *, rows: int) -> np.ndarray:
    if hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
        raise ValueError("its hash does not fit")
    emb = np.load(io.BytesIO(data[_DIGEST:]), allow_pickle=False)
    if emb.ndim != 2 or len(emb) != rows:
        raise ValueError(f"{len(emb)} rows instead of {rows}")
    return emb


def open_cache(folder: Path | str | None) -> EmbeddingCache | None:
    """A cache in a folder; ``None`` for none. Raises DataError where the path is a file."""
    if folder is None:
        return None
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise DataError.at("is a file, not a folder for embeddings", file=folder, remedy="Name another.")
    return EmbeddingCache(folder)
