"""LEACE: the smallest affine change of embeddings after which no linear predictor can read an attribute."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

SMALLEST = 1e-8
"""Covariance of a whitened direction with a group's indicator below which it is rounding (our choice)."""


@dataclass(frozen=True)
class Leace:
    """x -> x - left @ right @ (x - mean), with ``left`` [D, R], ``right`` [R, D] and ``mean`` [D], all float64."""

    left: np.ndarray
    right: np.ndarray
    mean: np.ndarray

    @property
    def rank(self) -> int:
        """R, how many directions are taken out: at most the sum over attributes of groups less one."""
        return self.left.shape[1]

    @property
    def matrix(self) -> np.ndarray:
        """[D, D]: the change is ``matrix @ x + bias``."""
        return np.eye(len(self.mean)) - self.left @ self.right

    @property
    def bias(self) -> np.ndarray:
        """[D]."""
        return self.left @ (self.right @ self.mean)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Erased rows [N, D]; they are not normalised again, which would undo a little of the erasure."""
        return x - (x - self.mean) @ self.right.T @ self.left.T


def fit_leace(
    x: np.ndarray, codes: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray] | None = None
) -> Leace:
    """Fit the eraser of one or more attributes at once.

    Of all affine maps after which the groups of each attribute have equal means, this one moves the embeddings
    least in mean square, in the Euclidean norm and at the same time in every norm x' M x with M positive
    semi-definite. Equal means are what it takes: no linear predictor then has a smaller loss, convex in its
    output, than the best constant.

    Args:
        x: [N, D] embeddings. A direction without variance is left alone, so D may exceed N.
        codes: per attribute int [N], group codes; -1 is unknown. A row unknown in an attribute has no part in that
            attribute's means; it counts like any other for what a small change is.
        weights: per attribute [N], of the rows in that attribute's means; all the same where absent.

    Returns:
        Rank 0, the identity, where no attribute has two known groups or their means are equal already.

    Source: Belrose et al. 2023, "LEACE: Perfect linear concept erasure in closed form" (arXiv 2306.03819),
    theorems 3.4, 4.2 and 4.3. Rows of unknown group and weights are our choice.
    """
    x = np.asarray(x, dtype=np.float64)
    mean = x.mean(axis=0)
    centred = x - mean
    variance, axes = np.linalg.eigh(centred.T @ centred / len(x))
    solid = variance > variance[-1] * max(x.shape) * np.finfo(np.float64).eps
    axes, spread = axes[:, solid], np.sqrt(variance[solid])
    whiten, colour = (axes / spread).T, axes * spread  # [S, D] and [D, S], S the rank of the covariance
    cross = whiten @ np.hstack(
        [
            _cross_covariance(centred, each, None if weights is None else weights[a])
            for a, each in codes.items()
        ]
    )
    directions, size, _ = np.linalg.svd(cross, full_matrices=False)
    basis = directions[:, size > SMALLEST]
    return Leace(colour @ basis, basis.T @ whiten, mean)


def _cross_covariance(centred: np.ndarray, codes: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Of the rows of known group with the indicator of each group present: [D, K]."""
    rows, known = centred[codes >= 0], codes[codes >= 0]
    share = np.ones(len(rows)) if weights is None else weights[codes >= 0]
    share = share / share.sum()
    indicators = (known[:, None] == np.unique(known)).astype(np.float64)
    return (rows - share @ rows).T @ (share[:, None] * indicators)
