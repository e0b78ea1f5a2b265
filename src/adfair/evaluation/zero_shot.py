"""Zero-shot scores from embeddings: an image against positive and negative statements about a finding."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import expit

from adfair.evaluation.prompts import prompts

_BEND = 16.0


def finding_directions(embed_texts: Callable[[list[str]], np.ndarray], findings: Sequence[str]) -> np.ndarray:
    """Mean text embedding of the positive and of the negative statements, each unit-norm: [F, 2, D].

    Args:
        embed_texts: texts -> unit-norm float32 [n, D].
    """
    directions = [[mean_direction(embed_texts(side)) for side in prompts(finding)] for finding in findings]
    return np.asarray(directions, dtype=np.float32)


def mean_direction(emb: np.ndarray) -> np.ndarray:
    """Unit-norm [D], the direction of the mean of [n, D]."""
    mean = emb.mean(axis=0)
    return mean / np.linalg.norm(mean)


def zero_shot_scores(image_emb: np.ndarray, directions: np.ndarray, *, logit_scale: float) -> np.ndarray:
    """Probability-like scores [N, F]: softmax over (positive, negative) similarity. Not calibrated.

    Args:
        image_emb: [N, D] unit-norm rows. directions: [F, 2, D] from ``finding_directions``.
        logit_scale: 1 / temperature of the model; changes the spread of scores, not their order (see ``two_way``).

    An image's score depends on that image alone. Source: CheXzero (Tiu et al. 2022) for the positive-negative
    softmax; the ensemble is our choice.
    """
    similarity = np.einsum("nd,fsd->nfs", image_emb, directions, dtype=np.float64)
    return two_way(logit_scale * (similarity[..., 0] - similarity[..., 1]))


def two_way(logits: np.ndarray) -> np.ndarray:
    """Softmax over two statements, float64 in (0, 1), of the first's logits less the second's.

    Beyond 16, where it is within 1e-7 of 0 or 1, logits grow by their logarithm only: from 37 on all would be 1 and tie,
    and a model's logit scale of 100 would cost it AUC (our choice).
    """
    size = np.abs(logits)
    beyond = _BEND + np.log1p(np.maximum(size - _BEND, 0.0))
    return expit(np.where(size > _BEND, np.copysign(beyond, logits), logits))


def five_class_accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose highest-scored finding is the one they show.

    Args:
        scores: [N, F]. labels: [N, F] with exactly one 1 a row (a 5x90-style set).

    Raises:
        AssertionError: a row has no finding or several.
    """
    assert ((labels == 1).sum(axis=1) == 1).all(), "every image must show exactly one finding"
    return float((scores.argmax(axis=1) == (labels == 1).argmax(axis=1)).mean())
