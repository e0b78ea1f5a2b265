"""Iterative nullspace projection: fit a linear classifier, remove what it reads, repeat until none reads anything."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression


@dataclass(frozen=True)
class Inlp:
    """x -> x - basis' basis (x - mean), with orthonormal rows ``basis`` [R, D] and ``mean`` [D], float64.

    Attributes:
        accuracy: per attribute the held-out balanced accuracy before each round and after the last.
        stopped: why: ``chance`` or ``max_rank``.
    """

    basis: np.ndarray
    mean: np.ndarray
    accuracy: Mapping[str, tuple[float, ...]]
    stopped: str

    @property
    def rank(self) -> int:
        """R, how many directions are taken out."""
        return len(self.basis)

    @property
    def matrix(self) -> np.ndarray:
        """[D, D]: the change is ``matrix @ x + bias``."""
        return np.eye(len(self.mean)) - self.basis.T @ self.basis

    @property
    def bias(self) -> np.ndarray:
        """[D]."""
        return self.basis.T @ (self.basis @ self.mean)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Projected rows [N, D], not normalised again."""
        return x - (x - self.mean) @ self.basis.T @ self.basis


def fit_inlp(
    x: np.ndarray,
    codes: Mapping[str, np.ndarray],
    held_out: np.ndarray,
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    max_rank: int | None = None,
) -> Inlp:
    """Remove, round by round, the directions by which logistic regressions tell the groups apart.

    A round fits one classifier for each attribute that can still be read and removes the span of their weights.
    It ends when every attribute's balanced accuracy on the held-out rows is within two standard errors of 1 / K,
    or when the next round would remove more than ``max_rank`` directions (our choice of a rule: the paper fixes
    the number of rounds).

    Args:
        x: [N, D] embeddings.
        codes: per attribute int [N], group codes 0 to K - 1; -1 is unknown and has no part in its classifier.
        held_out: bool [N], the rows that judge and never fit; whole patients. Every group must be on both sides.
        weights: per attribute [N], of the rows in its classifier and in its accuracy; all the same where absent.
        max_rank: half of D by default, our choice.

    Source: Ravfogel et al. 2020, "Null It Out: Guarding Protected Attributes by Iterative Nullspace Projection",
    algorithm 1, on the sum of the row spaces (their appendix), which is a projection whatever the rounding. That
    the mean stays where it is, as in LEACE, is our choice.
    """
    x = np.asarray(x, dtype=np.float64)
    mean = x.mean(axis=0)
    weights = {name: np.ones(len(x)) for name in codes} if weights is None else weights
    centred = x - mean
    centred /= max(float(centred.std()), np.finfo(float).tiny)  # one scale: the geometry stays
    limit = x.shape[1] // 2 if max_rank is None else max_rank
    basis, seen = np.zeros((0, x.shape[1])), dict[str, tuple[float, ...]]()
    while True:
        rows = centred - centred @ basis.T @ basis
        found = {name: _classifier(rows, each, weights[name], held_out) for name, each in codes.items()}
        seen = {name: (*seen.get(name, ()), accuracy) for name, (_, accuracy, _) in found.items()}
        readable = [weights for weights, accuracy, chance in found.values() if accuracy > chance]
        if not readable:
            return Inlp(basis, mean, seen, "chance")
        wider = _row_space(np.vstack([basis, *readable]))
        if len(wider) > limit or len(wider) == len(basis):
            return Inlp(basis, mean, seen, "max_rank")
        basis = wider


def _classifier(
    x: np.ndarray, codes: np.ndarray, weights: np.ndarray, held_out: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Directions it reads [R, D], held-out balanced accuracy, and the largest that counts as chance."""
    fit, judge = (codes >= 0) & ~held_out, (codes >= 0) & held_out
    model = LogisticRegression(max_iter=1000)
    model.fit(x[fit], codes[fit], sample_weight=_balanced(codes[fit], weights[fit]) * fit.sum())
    share = _balanced(codes[judge], weights[judge])
    chance = 1 / len(np.unique(codes[judge]))
    # A guess is right with probability 1 / K whatever the group, so only the rows' shares matter for its spread.
    error = np.sqrt(chance * (1 - chance) * (share**2).sum())
    read = model.coef_ - model.coef_.mean(axis=0) if len(model.coef_) > 1 else model.coef_
    return _row_space(read), float(share @ (model.predict(x[judge]) == codes[judge])), chance + 2 * error


def _balanced(codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What each row counts: groups the same, rows within a group by weight; sum 1."""
    groups, place = np.unique(codes, return_inverse=True)
    return weights / np.bincount(place, weights)[place] / len(groups)


def _row_space(rows: np.ndarray) -> np.ndarray:
    """Orthonormal rows that span the same space; directions below a millionth of the largest are rounding."""
    _, size, axes = np.linalg.svd(rows, full_matrices=False)
    return axes[size > 1e-6 * size[0]]
