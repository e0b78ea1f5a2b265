"""Embeddings that exist already, of a model that cannot be had: an ``.npz``, as ``adfair evaluate`` writes it.

``image_id`` [N] and ``image_emb`` [N, D]; for zero-shot protocols also ``text`` [M] and ``text_emb`` [M, D] of every
prompt, and ``logit_scale`` where there is one.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from adfair.errors import ConfigError, DataError
from adfair.models.layers import Layer
from adfair.models.posthoc import PostHoc, unit_rows
from adfair.models.safe_load import fingerprint
from adfair.models.safe_zip import check_file, refuse

LARGEST = 1 << 34
"""Bytes that a file may unpack to."""


@dataclass(frozen=True)
class Precomputed:
    """An encoder that looks up instead of running; see ``models.encoder.Encoder``."""

    images: dict[str, np.ndarray]
    texts: dict[str, np.ndarray]
    path: Path
    fingerprint: str
    logit_scale: float = 1.0
    name: str = "precomputed"
    protocol: str = "ours"
    image_size: int = 1
    square: None = None
    fit: Literal["crop", "pad"] = "crop"
    classes: tuple[str, ...] = ()
    posthoc: PostHoc | None = None
    net: nn.Module = field(default_factory=nn.Identity)

    def lookup(self, image_ids: Sequence[str]) -> np.ndarray:
        """[N, D] by id. Raises DataError where the file lacks some: says how many, and which image is the first."""
        missing = [row for row, i in enumerate(image_ids, 1) if i not in self.images]
        if missing:
            what = f"no embedding of {len(missing):,} of {len(image_ids):,} images (image {missing[0]} first)"
            raise DataError.at(what, file=self.path, column="image_id", remedy="Embed the whole split")
        return np.stack([self.images[i] for i in image_ids])

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """[N, D] by text. Raises ConfigError for a prompt that the file lacks."""
        missing = [text for text in texts if text not in self.texts]
        if missing:
            raise ConfigError(
                f"{self.path}: no text_emb of {len(missing)} prompts (first: '{missing[0]}'). Add text and text_emb, or "
                "choose linear_probe or leakage"
            )
        return torch.from_numpy(np.stack([self.texts[text] for text in texts]))

    def prepare(self, images: Tensor) -> Tensor:
        """There is nothing to run."""
        raise ConfigError(f"{self.path}: embeddings only, no model to run")

    def encode_image(self, pixels: Tensor, *, layer: Layer = "embedding") -> Tensor:
        """There is nothing to run."""
        raise ConfigError(f"{self.path}: embeddings only, no model to run")

    def class_scores(self, pixels: Tensor) -> Tensor:
        """There is nothing to run."""
        raise ConfigError(f"{self.path}: embeddings only, no model to run")


def load(path: Path) -> Precomputed:
    """Read an ``.npz``. Raises ConfigError: pickled arrays, wrong shapes, ids that occur twice, not finite."""
    check_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            whole = sum(member.file_size for member in archive.infolist())
            if whole > min(LARGEST, 64 * path.stat().st_size + (1 << 20)):
                refuse(path, f"it would unpack to {whole:,} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except ConfigError:
        raise
    except Exception:  # numpy and zipfile raise nearly anything at hostile bytes
        refuse(path, "not an .npz of plain arrays, or damaged")
    images = _rows(found, "image_id", "image_emb", path)
    texts = _rows(found, "text", "text_emb", path) if "text" in found else {}
    scale = float(found["logit_scale"]) if "logit_scale" in found else 1.0
    return Precomputed(images, texts, path, fingerprint(path), scale)


def _rows(found: dict[str, np.ndarray], names: str, values: str, path: Path) -> dict[str, np.ndarray]:
    missing = [key for key in (names, values) if key not in found]
    if missing:
        raise ConfigError(f"{path}: no array {' and no '.join(missing)}")
    keys, emb = found[names], found[values]
    if keys.dtype.kind not in "US" or emb.dtype.kind != "f" or emb.ndim != 2 or keys.shape != emb.shape[:1]:
        raise ConfigError(f"{path}: {names} must be N texts and {values} numbers [N, D]")
    if len(set(keys.tolist())) < len(keys) or not np.isfinite(emb).all():
        raise ConfigError(f"{path}: {names} occurs twice, or {values} is not finite")
    return dict(zip(keys.astype(str).tolist(), unit_rows(emb.astype(np.float64)), strict=True))
