"""What few-shot learners read: embeddings, labels and zero-shot log-odds of the splits."""

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Images of a split: ``emb`` [N, D] unit-norm, ``labels`` [N, F], ``prior`` [N, F] zero-shot log-odds."""

    emb: np.ndarray
    labels: np.ndarray
    prior: np.ndarray


class Splits(NamedTuple):
    """Where a learner is taught, where it chooses its setting, and what it scores."""

    train: Rows
    val: Rows | None
    test: Rows


def validation(val: Rows | None, f: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows of validation images whose label of finding ``f`` is known, and those labels; None without both labels."""
    if val is None:
        return None
    rows = np.flatnonzero(np.isin(val.labels[:, f], (0, 1)))
    y = val.labels[rows, f].astype(int)
    return (rows, y) if np.unique(y).size == 2 else None


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
