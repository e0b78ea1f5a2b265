"""Bootstrap over patients of AUCs whose scores are already known."""

import numpy as np

from adfair.metrics.intervals import percentile_interval
from adfair.metrics.lanes import LANES, auc_lanes
from adfair.metrics.resampling import bootstrap_counts


def bootstrap_auc(
    y_true: np.ndarray, scores: np.ndarray, *, patients: np.ndarray, replicates: int, seed: int
) -> np.ndarray:
    """AUCs of ``replicates`` resamples of whole patients, the same resamples for every column.

    Args:
        y_true: [N] or [N, M], 0 or 1; one label column for all scores, or one a score column.
        scores: [N, M], M ways of scoring the same images.
        patients: [N], patient ids.

    Returns:
        float64 [replicates, M]; NaN where a resample lacks a class.
    """
    _, unit = np.unique(patients, return_inverse=True)
    offsets = np.array([0, unit.max() + 1], np.int64)
    labels = np.broadcast_to(y_true.reshape(len(y_true), -1), scores.shape)
    columns = [_sorted_rows(labels[:, m], scores[:, m], unit) for m in range(scores.shape[1])]
    weights = np.empty((offsets[1], LANES), np.uint8)
    blocks = []
    # Replicate 0 is the table itself, so the resamples are 1 to ``replicates``.
    for first in range(0, replicates + 1, LANES):
        bootstrap_counts(weights, offsets, seed, first)
        blocks.append(np.column_stack([_auc_block(*column, weights) for column in columns]))
    return np.concatenate(blocks)[1 : replicates + 1]


def mean_interval(values: np.ndarray, *, level: float) -> tuple[float, float]:
    """Percentile interval of the mean over columns of replicates [R, M]; NaN without replicates."""
    if not len(values):
        return float("nan"), float("nan")
    low, high = percentile_interval(values.mean(axis=1), level=level)
    return float(low), float(high)


def _sorted_rows(
    label: np.ndarray, score: np.ndarray, unit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(score, kind="stable")
    ascending = score[order]
    tied = np.append(ascending[:-1] == ascending[1:], False)
    return unit[order].astype(np.int32), label[order].astype(np.uint8), tied


def _auc_block(unit: np.ndarray, label: np.ndarray, tied: np.ndarray, weights: np.ndarray) -> np.ndarray:
    sums = np.empty((3, LANES), np.float64)
    auc_lanes(unit, label, tied, weights, sums)
    pairs = 2.0 * sums[0] * sums[1]
    return np.divide(sums[2], pairs, out=np.full(LANES, np.nan), where=pairs > 0)
