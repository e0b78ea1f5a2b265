"""What a few labelled images teach a frozen model, for each number of them, and how fair it then is.

Two learners: a logistic regression on embeddings, and a Tip-Adapter cache, which adds to the zero-shot score how near
an image is to the few labelled ones. Both choose their setting on validation images where there are any with both labels.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from sklearn.linear_model import LogisticRegression

from adfair.errors import ConfigError
from adfair.evaluation.linear_probe import FEW_SHOT_C
from adfair.metrics.ranking import auc

Sampling = Literal["random", "group_balanced"]
SHOTS = (1, 2, 4, 8, 16, 32)
FRACTIONS = (0.01, 0.1, 1.0)
PENALTIES = tuple(10.0**e for e in range(-3, 4))
"""C searched, on standardised columns divided by sqrt(D): rows of length about 1."""
SHARPNESS = (1.0, 3.0, 5.5, 10.0, 20.0)
"""Beta searched; 5.5 where nothing validates, Tip-Adapter's own start."""
TRUST = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Alpha searched; 1 where nothing validates, Tip-Adapter's own start."""


class Rows(NamedTuple):
    """Images of a split: ``emb`` [N, D] unit-norm, ``labels`` [N, F], ``prior`` [N, F] zero-shot log-odds."""

    emb: np.ndarray
    labels: np.ndarray
    prior: np.ndarray


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


class Splits(NamedTuple):
    """Where a learner is taught, where it chooses its setting, and what it scores."""

    train: Rows
    val: Rows | None
    test: Rows


def learn(raw: Splits, scaled: Splits, rows: np.ndarray, f: int) -> dict[str, np.ndarray]:
    """Scores [M] of test images for finding ``f`` by both learners, taught by some training rows.

    Args:
        raw: unit-norm embeddings, for the cache. scaled: the same by ``standardised``, for the regression.
        rows: int [n], of the training split; both labels are among them.
    """
    return {"linear": _linear(scaled, rows, f), "tip_adapter": _tip_adapter(raw, rows, f)}


def _validation(val: Rows | None, f: int) -> tuple[Rows, np.ndarray] | None:
    if val is None:
        return None
    known = np.isin(val.labels[:, f], (0, 1))
    y = val.labels[known, f].astype(int)
    return (Rows(*(each[known] for each in val)), y) if np.unique(y).size == 2 else None


def _linear(splits: Splits, rows: np.ndarray, f: int) -> np.ndarray:
    """L2 logistic regression, its penalty chosen by AUC on validation images."""
    train, val, test = splits
    y, checked = train.labels[rows, f].astype(int), _validation(val, f)
    model = LogisticRegression(C=FEW_SHOT_C, max_iter=500, warm_start=True)
    if checked is None:
        return model.fit(train.emb[rows], y).decision_function(test.emb)
    best, chosen, worse = -1.0, np.empty(0), 0
    # From the strongest penalty on, each fit starts where the last ended; ties stay with the stronger one. Weaker
    # penalties cost ever more steps, so the search ends when two in a row were no better.
    for c in PENALTIES:
        model.set_params(C=c).fit(train.emb[rows], y)
        value = auc(checked[1], model.decision_function(checked[0].emb))
        worse = 0 if value > best else worse + 1
        if value > best:
            best, chosen = value, model.decision_function(test.emb)
        if worse == 2:
            break
    return chosen


def _tip_adapter(splits: Splits, rows: np.ndarray, f: int) -> np.ndarray:
    """Zero-shot log-odds + alpha (mean affinity to positives - mean affinity to negatives).

    The affinity is exp(-beta (1 - cosine)). Means instead of the published sums (our choice), so that alpha
    means the same for any number of images and for unequal numbers of both labels.

    Source: Zhang et al., Tip-Adapter, ECCV 2022, equations 3 to 6, for one finding against its absence.
    """
    train, val, test = splits
    y, checked = train.labels[rows, f] == 1, _validation(val, f)
    keys = _unit(train.emb[rows])
    distance = 1.0 - _unit(test.emb) @ keys.T
    if checked is None:
        return test.prior[:, f] + _affinity(distance, y, SHARPNESS[2])
    seen, truth = checked
    near = 1.0 - _unit(seen.emb) @ keys.T
    best, setting = -1.0, (SHARPNESS[2], 1.0)
    for beta in SHARPNESS:
        added = _affinity(near, y, beta)
        for alpha in TRUST:
            value = auc(truth, seen.prior[:, f] + alpha * added)
            if value > best:
                best, setting = value, (beta, alpha)
    return test.prior[:, f] + setting[1] * _affinity(distance, y, setting[0])


def _affinity(distance: np.ndarray, y: np.ndarray, beta: float) -> np.ndarray:
    near = np.exp(-beta * distance)
    return near[:, y].mean(axis=1) - near[:, ~y].mean(axis=1)


def _unit(emb: np.ndarray) -> np.ndarray:
    return emb / np.maximum(np.linalg.norm(emb, axis=1, keepdims=True), np.finfo(float).tiny)


def standardised(splits: Splits) -> Splits:
    """Columns of mean 0 and spread 1 over the training pool, divided by sqrt(D); labels are not looked at."""
    emb = splits.train.emb
    mean, sd = emb.mean(axis=0, dtype=np.float64), emb.std(axis=0, dtype=np.float64)
    scale = np.where(sd > 1e-12, sd, 1.0) * np.sqrt(emb.shape[1])
    made = [
        None if each is None else each._replace(emb=((each.emb - mean) / scale).astype(np.float32))
        for each in splits
    ]
    assert made[0] is not None
    assert made[2] is not None
    return Splits(made[0], made[1], made[2])
