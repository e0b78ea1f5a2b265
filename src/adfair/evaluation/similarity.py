"""How alike two models' embeddings are, and where each group lies in one model's: for the curious, not a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adfair.errors import DataError


def linear_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment of two embeddings [N, D], [N, E] of the same images, in [0, 1].

    1 where one is the other turned round and scaled as a whole. Biased upward where N is not far above D and E;
    NaN where an embedding is constant.

    Source: Kornblith et al., Similarity of neural network representations revisited, ICML 2019, equation 3.
    """
    a, b = (e.astype(np.float64) - e.mean(axis=0, dtype=np.float64) for e in (x, y))
    own = np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b)
    return float(np.linalg.norm(b.T @ a) ** 2 / own) if own > 0 else float("nan")


def cka_of_folders(first: Path | str, second: Path | str) -> tuple[float, int]:
    """Linear CKA of the images that two evaluation folders share, and how many they are.

    Raises:
        DataError: a folder has no ``embeddings.npz``, or they share fewer than two images.
    """
    one, two = (_read(Path(folder)) for folder in (first, second))
    shared = [image for image in one if image in two]
    if len(shared) < 2:
        raise DataError(
            f"{first} and {second} share {len(shared)} images: evaluate both models on the same split"
        )
    return linear_cka(*(np.stack([each[i] for i in shared]) for each in (one, two))), len(shared)


def _read(folder: Path) -> dict[str, np.ndarray]:
    file = folder / "embeddings.npz"
    try:
        with np.load(file, allow_pickle=False) as kept:
            return dict(zip(kept["image_id"].tolist(), kept["image_emb"], strict=True))
    except (OSError, ValueError, KeyError):
        raise DataError.at(
            "no embeddings, or damaged ones", file=file, remedy="Evaluate the model again."
        ) from None


@dataclass(frozen=True)
class GroupStatistics:
    """Where a group's embeddings lie.

    Attributes:
        n: images. spread: mean squared distance to the group's mean, in [0, 1] for unit-norm rows.
        offset: distance from the group's mean to the mean of all, in units of the standard deviation of all
            (square root of their spread).
        rank: effective rank of the covariance, the exponential of its spectrum's entropy (Roy and Vetterli 2007).
    """

    group: str
    n: int
    spread: float
    offset: float
    rank: float


def group_statistics(emb: np.ndarray, codes: np.ndarray, groups: Sequence[str]) -> list[GroupStatistics]:
    """Statistics of every group of [N, D] embeddings; codes int [N], -1 unknown. NaN for fewer than two images."""
    known = emb[codes >= 0].astype(np.float64)
    centre, scale = known.mean(axis=0), np.sqrt(known.var(axis=0).sum())
    out = []
    for k, group in enumerate(groups):
        rows = emb[codes == k].astype(np.float64)
        if len(rows) < 2 or scale == 0:
            out.append(GroupStatistics(group, len(rows), *[float("nan")] * 3))
            continue
        spectrum = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
        share = spectrum[spectrum > 0] / spectrum.sum() if spectrum.sum() > 0 else np.ones(1)
        out.append(
            GroupStatistics(
                group,
                len(rows),
                float(rows.var(axis=0).sum()),
                float(np.linalg.norm(rows.mean(axis=0) - centre) / scale),
                float(np.exp(-(share * np.log(share)).sum())),
            )
        )
    return out
