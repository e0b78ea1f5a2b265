"""AUC over pairs of the same stratum: what a score tells beyond what the strata tell."""

import numpy as np


def stratified_auc(
    positive: np.ndarray, score: np.ndarray, strata: np.ndarray, *, weights: np.ndarray | None = None
) -> np.ndarray:
    """Share of (positive, negative) pairs within strata in which the positive scores higher; ties count half.

    A score that is a function of the stratum alone has .5.

    Args:
        positive: bool [N]. score: [N]. strata: [N], any values that can be sorted.
        weights: [..., N], for example how often each row was drawn, one line a resample; ones when absent.

    Returns:
        [...] numbers in [0, 1] (a scalar array without weights); NaN where no stratum holds such a pair.

    Source: the stratified Mann-Whitney statistic (van Elteren 1960), strata weighted by their pairs.
    """
    stratum = np.unique(strata, return_inverse=True)[1].ravel()
    order = np.lexsort((score, stratum))
    stratum, score = stratum[order], np.asarray(score, dtype=float)[order]
    w = np.ones(len(order)) if weights is None else np.asarray(weights, dtype=float)[..., order]
    new = np.diff(stratum, prepend=-1) != 0
    ties = np.flatnonzero(new | (np.diff(score, prepend=np.nan) != 0))
    firsts = np.flatnonzero(new[ties])  # of each stratum, among blocks of tied scores
    pos = np.add.reduceat(w * positive[order], ties, axis=-1)
    neg = np.add.reduceat(w * ~positive[order], ties, axis=-1)
    before = np.cumsum(neg, axis=-1) - neg
    base = np.repeat(before[..., firsts], np.diff(np.append(firsts, len(ties))), axis=-1)
    won = (pos * (before - base + 0.5 * neg)).sum(-1)
    pairs = (np.add.reduceat(pos, firsts, axis=-1) * np.add.reduceat(neg, firsts, axis=-1)).sum(-1)
    return np.where(pairs > 0, won / np.where(pairs > 0, pairs, 1.0), np.nan)
