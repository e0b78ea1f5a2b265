"""Projection of embeddings off the directions in which a text tower places the names of groups."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PromptProjection:
    """x -> matrix x, with ``matrix`` float64 [D, D]; ``rank`` directions of the prompts are taken out whole."""

    matrix: np.ndarray
    rank: int

    @property
    def bias(self) -> np.ndarray:
        """[D], zero."""
        return np.zeros(len(self.matrix))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Projected rows [N, D], not normalised again."""
        return x @ self.matrix.T


def fit_prompt_projection(
    prompt_emb: np.ndarray, pairs: np.ndarray | None = None, *, strength: float = 1000.0
) -> PromptProjection:
    """Project off the span of prompts about groups; with ``pairs`` also even out what differs within a pair.

    The paper applies P = P0 (I + strength / S * sum of d d')^-1 to text embeddings, P0 being the orthogonal
    projection off the prompts' span. Here its transpose is applied to images instead: the similarity of any image
    with any text is the same, (P t)' x = t' (P' x), up to the norms.

    Args:
        prompt_emb: [M, D] embeddings of prompts that name groups, such as "a chest X-ray of a female patient".
        pairs: [S, D] differences d of two prompts that say the same of two groups; ``None`` leaves them out.
        strength: the paper's lambda, 1000 for classification there.

    Source: Chuang et al. 2023, "Debiasing Vision-Language Models via Biased Prompts" (arXiv 2302.00070),
    section 4.1 and equation 4.
    """
    prompt_emb = np.asarray(prompt_emb, dtype=np.float64)
    _, size, axes = np.linalg.svd(prompt_emb, full_matrices=False)
    axes = axes[size > size[0] * max(prompt_emb.shape) * np.finfo(np.float32).eps]
    projection = np.eye(prompt_emb.shape[1]) - axes.T @ axes
    if pairs is not None:
        pairs = np.asarray(pairs, dtype=np.float64)
        spread = np.eye(len(projection)) + strength / len(pairs) * pairs.T @ pairs
        projection = np.linalg.solve(spread, projection)
    return PromptProjection(projection, len(axes))
