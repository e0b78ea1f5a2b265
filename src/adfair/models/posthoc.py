"""A correction of image embeddings after the fact, kept in a model's folder beside the towers.

``posthoc.safetensors`` holds the numbers, ``posthoc.json`` says what they are and what they were fitted on. Both
are ours: open_clip's layout does not know them, so ``open_clip.create_model_from_pretrained('local-dir:...')`` loads
the towers *without* the correction, and whoever does that must call :func:`load_posthoc` and apply it themselves.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from adfair.errors import ConfigError

WEIGHTS_FILE, ABOUT_FILE = "posthoc.safetensors", "posthoc.json"
SLOPE = 0.2
"""Of the leaky rectifier in a residual correction, as in the adversaries (our choice)."""


def unit_rows(emb: np.ndarray) -> np.ndarray:
    """Rows of length one, float32 [N, D]; a row of zeros stays zero."""
    length = np.linalg.norm(emb, axis=1, keepdims=True)
    return (emb / np.maximum(length, np.finfo(float).tiny)).astype(np.float32)


@dataclass(frozen=True)
class Affine:
    """x -> normalise(matrix x + bias): ``matrix`` float64 [D, D], ``bias`` float64 [D]."""

    matrix: np.ndarray
    bias: np.ndarray

    def __call__(self, emb: np.ndarray) -> np.ndarray:
        """Unit-norm float32 [N, D] of image embeddings [N, D]."""
        return unit_rows(emb.astype(np.float64) @ self.matrix.T + self.bias)

    def tensors(self) -> dict[str, np.ndarray]:
        """What is saved."""
        return {"matrix": self.matrix, "bias": self.bias}


@dataclass(frozen=True)
class Residual:
    """x -> normalise(x + f(x)), f a perceptron with leaky rectifiers between its layers.

    Attributes:
        layers: (weight float32 [out, in], bias float32 [out]) in order, from D and back to D.
    """

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def __call__(self, emb: np.ndarray) -> np.ndarray:
        """Unit-norm float32 [N, D] of image embeddings [N, D]."""
        hidden = emb.astype(np.float32)
        for i, (weight, bias) in enumerate(self.layers):
            hidden = np.where(hidden > 0, hidden, SLOPE * hidden) if i else hidden
            hidden = hidden @ weight.T + bias
        return unit_rows(emb + hidden)

    def tensors(self) -> dict[str, np.ndarray]:
        """What is saved."""
        named: dict[str, np.ndarray] = {}
        for i, (weight, bias) in enumerate(self.layers):
            named |= {f"{i}.weight": weight, f"{i}.bias": bias}
        return named


@dataclass(frozen=True)
class PostHoc:
    """A correction and where it comes from.

    Attributes:
        transform: image embeddings [N, D] -> unit-norm [N, D].
        about: ``kind``, ``adapter`` that read the towers, ``attributes``, ``cohort``, ``manifest_sha256`` and ``settings``.
    """

    transform: Affine | Residual
    about: dict[str, Any]


def save_posthoc(posthoc: PostHoc, folder: Path) -> None:
    """Write the correction into a model's folder."""
    tensors = {name: np.ascontiguousarray(value) for name, value in posthoc.transform.tensors().items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    (folder / ABOUT_FILE).write_text(json.dumps(posthoc.about, indent=2) + "\n", encoding="utf-8")


def corrected_adapter(folder: Path) -> str:
    """The adapter that read the towers which a folder's correction was fitted on; '' without one."""
    try:
        named = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))["adapter"]
    except (OSError, ValueError, LookupError, TypeError):
        return ""  # whoever loads the correction says what is wrong with it
    return named if named in ("adfair", "open_clip") else ""


def load_posthoc(folder: Path | str) -> PostHoc | None:
    """The correction of a model's folder; ``None`` where it has none.

    Raises:
        ConfigError: one of its two files is missing or cannot be read.
    """
    files = Path(folder) / WEIGHTS_FILE, Path(folder) / ABOUT_FILE
    if not any(file.is_file() for file in files):
        return None
    try:
        tensors, about = load_file(files[0]), json.loads(files[1].read_text(encoding="utf-8"))
        return PostHoc(_transform(tensors), about)
    except Exception as error:  # safetensors raises an error class of its own for every fault of a file
        raise ConfigError(
            f"{folder}: {WEIGHTS_FILE} and {ABOUT_FILE} cannot be read ({type(error).__name__}). "
            "Make them again with 'adfair erase' or 'adfair adapt'; without both, evaluation would leave the correction out."
        ) from None


def _transform(tensors: dict[str, np.ndarray]) -> Affine | Residual:
    if "matrix" in tensors:
        return Affine(tensors["matrix"], tensors["bias"])
    count = len(tensors) // 2
    return Residual(tuple((tensors[f"{i}.weight"], tensors[f"{i}.bias"]) for i in range(count)))
