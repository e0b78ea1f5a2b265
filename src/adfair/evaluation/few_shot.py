"""What a few labelled images teach a frozen model, for each number of them, and how fair it then is.

Two learners: a logistic regression on embeddings, and a Tip-Adapter cache, which adds to the zero-shot score how near
an image is to the few labelled ones. Both choose their setting on validation images where there are any with both labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from adfair.errors import ConfigError
from adfair.evaluation.penalty_search import linear
from adfair.evaluation.splits import Splits
from adfair.evaluation.tip_adapter import tip_adapter

Sampling = Literal["random", "group_balanced"]
SHOTS = (1, 2, 4, 8, 16, 32)
FRACTIONS = (0.01, 0.1, 1.0)


@dataclass(frozen=True)
class Budget:
    """How many labelled images: ``shots`` positives and as many negatives, or a ``fraction`` of patients."""

    shots: int = 0
    fraction: float = 0.0

    @property
    def name(self) -> str:
        """``16`` or ``10%``."""
        return str(self.shots) if self.shots else f"{100 * self.fraction:g}%"


BUDGETS = (*(Budget(shots=k) for k in SHOTS), *(Budget(fraction=f) for f in FRACTIONS))


def as_sampling(name: str) -> Sampling:
    """Check a name. Raises ConfigError."""
    for known in get_args(Sampling):
        if name == known:
            return known
    raise ConfigError(f"sampling '{name}': choose one of {', '.join(get_args(Sampling))}")


def draw(
    labels: np.ndarray,
    patients: np.ndarray,
    groups: np.ndarray | None,
    budget: Budget,
    rng: np.random.Generator,
) -> np.ndarray | str:
    """Rows of labelled images for one finding, or why there are none.

    Args:
        labels: [N]; only 1 and 0 are drawn. patients: [N]; shots have at most one image a patient.
        groups: int [N], intersection of the patient's groups, -1 unknown: drawn from in turn, so that each gives as many as the
            others while it lasts; unknown ones come last. ``None`` draws at random.
    """
    if budget.shots:
        return _shots(labels, patients, groups, budget.shots, rng)
    order = _order(patients, groups, rng)
    chosen = order[: max(1, round(budget.fraction * len(order)))]
    rows = np.flatnonzero(np.isin(patients, chosen) & np.isin(labels, (0, 1)))
    if np.unique(labels[rows]).size < 2:
        return f"{budget.name} of the patients hold no positive or no negative"
    return rows


def _shots(
    labels: np.ndarray, patients: np.ndarray, groups: np.ndarray | None, shots: int, rng: np.random.Generator
) -> np.ndarray | str:
    drawn: list[int] = []
    used: set[object] = set()
    for value in (1, 0):
        rows = np.flatnonzero(labels == value)
        rows = rows[rng.permutation(len(rows))]
        first = np.unique(patients[rows], return_index=True)[1]
        rows = rows[np.sort(first)]
        if groups is not None:
            rows = rows[_in_turn(groups[rows], rng)]
        kept = [row for row in rows.tolist() if patients[row] not in used][:shots]
        if len(kept) < shots:
            return f"fewer than {shots} patients to draw positives or negatives from"
        used |= {patients[row] for row in kept}
        drawn += kept
    return np.array(drawn)


def _order(patients: np.ndarray, groups: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Every patient once, shuffled; by groups in turn where they are given."""
    names, first = np.unique(patients, return_index=True)
    shuffled = rng.permutation(len(names))
    if groups is not None:
        shuffled = shuffled[_in_turn(groups[first[shuffled]], rng)]
    return names[shuffled]


def _in_turn(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An order [n] that takes one of each group, then another of each; within a turn groups are shuffled."""
    turn = np.empty(len(groups), dtype=np.int64)
    for group in np.unique(groups):
        members = groups == group
        turn[members] = np.arange(members.sum())
    turn[groups < 0] += len(groups)
    return np.lexsort((rng.permutation(len(groups)), turn))


def learn(raw: Splits, scaled: Splits, taught: Mapping[int, np.ndarray]) -> dict[str, np.ndarray]:
    """Scores [M, F] of test images by both learners; NaN for findings that nothing was taught of.

    Args:
        raw: unit-norm embeddings, for the cache. scaled: the same by ``standardised``, for the regression.
        taught: finding -> int [n], rows of the training split; both labels are among them.
    """
    return {"linear": linear(scaled, taught), "tip_adapter": tip_adapter(raw, taught)}
