"""Weighted sums for 64 replicates at a time: the kernels under every interval and permutation in an audit.

A replicate is an integer weight per unit (a patient): bootstrap counts, 0/1 for a permuted group or a
jackknife, all ones for the observed table. Rows are sorted once by score, and each kernel walks them with the
64 replicates side by side, so that the inner loops are plain vector instructions and ties stay exact.

Shapes shared by all kernels: ``unit``: int32 [N], the unit of each row; ``label``: uint8 [N], 0 or 1; rows in
ascending order of score; ``tied``: bool [N], the row has the same score as the next one; ``weights``: uint8
[U, LANES]. Source: our own construction; the AUC is Hanley and McNeil (1982), average precision is the step
sum of scikit-learn, both with equal scores sharing one threshold.
"""

import numpy as np
from numba import njit

LANES = 64


@njit(cache=True, nogil=True)
def auc_lanes(
    unit: np.ndarray, label: np.ndarray, tied: np.ndarray, weights: np.ndarray, out: np.ndarray
) -> None:
    """Fill ``out`` [3, LANES] with positives, negatives and twice the Mann-Whitney count, per replicate."""
    positives = np.zeros(LANES, np.int32)
    below = np.zeros(LANES, np.int32)
    twice = np.zeros(LANES, np.float64)
    i, n = 0, unit.size
    while i < n:
        end = i + 1
        while tied[end - 1]:
            end += 1
        if end == i + 1 and label[i] == 1:
            row = weights[unit[i]]
            for lane in range(LANES):
                positives[lane] += row[lane]
                twice[lane] += 2.0 * row[lane] * below[lane]
        elif end == i + 1:
            row = weights[unit[i]]
            for lane in range(LANES):
                below[lane] += row[lane]
        else:
            _tie_block(unit[i:end], label[i:end], weights, positives, below, twice)
        i = end
    for lane in range(LANES):
        out[0, lane] = positives[lane]
        out[1, lane] = below[lane]
        out[2, lane] = twice[lane]


@njit(cache=True, nogil=True)
def _tie_block(
    unit: np.ndarray,
    label: np.ndarray,
    weights: np.ndarray,
    positives: np.ndarray,
    below: np.ndarray,
    twice: np.ndarray,
) -> None:
    # Positives count the negatives strictly below and those at or below: a tie is worth one half.
    for turn in range(3):
        for i in range(unit.size):
            row = weights[unit[i]]
            if turn == 1 and label[i] == 0:
                for lane in range(LANES):
                    below[lane] += row[lane]
            elif turn != 1 and label[i] == 1:
                for lane in range(LANES):
                    twice[lane] += 1.0 * row[lane] * below[lane]
                    if turn == 0:
                        positives[lane] += row[lane]


@njit(cache=True, nogil=True)
def precision_lanes(
    unit: np.ndarray, label: np.ndarray, tied: np.ndarray, weights: np.ndarray, out: np.ndarray
) -> None:
    """Fill ``out`` [LANES] with average precision times the number of positives, per replicate."""
    selected = np.zeros(LANES, np.float64)
    hits = np.zeros(LANES, np.float64)
    block = np.zeros(LANES, np.float64)
    total = np.zeros(LANES, np.float64)
    end = unit.size
    while end > 0:
        start = end - 1
        while start > 0 and tied[start - 1]:
            start -= 1
        gained = False
        for i in range(start, end):
            row = weights[unit[i]]
            for lane in range(LANES):
                selected[lane] += row[lane]
            if label[i] == 1:
                gained = True
                for lane in range(LANES):
                    block[lane] += row[lane]
        if gained:
            for lane in range(LANES):
                hits[lane] += block[lane]
                total[lane] += block[lane] * hits[lane] / max(selected[lane], 1.0)
                block[lane] = 0.0
        end = start
    out[:] = total


@njit(cache=True, nogil=True)
def confusion_lanes(
    unit: np.ndarray, label: np.ndarray, start: int, weights: np.ndarray, out: np.ndarray
) -> None:
    """Fill ``out`` [4, LANES] with tn, fn, fp, tp when rows from ``start`` on are called positive."""
    counts = np.zeros((4, LANES), np.int32)
    for i in range(unit.size):
        cell = counts[int(label[i]) + (2 if i >= start else 0)]
        row = weights[unit[i]]
        for lane in range(LANES):
            cell[lane] += row[lane]
    out[:] = counts


@njit(cache=True, nogil=True)
def calibration_lanes(
    unit: np.ndarray,
    label: np.ndarray,
    score: np.ndarray,
    bounds: np.ndarray,
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fill ``out`` [3, LANES] with the sum of squared errors, the sum over bins of |sum of errors|, the
    weight.

    An error is label - score; ``bounds``: int64 [B + 1], bin b holds rows bounds[b] to bounds[b + 1] - 1.
    Divided by the weight, the first two are the Brier score and the expected calibration error.
    """
    out[:] = 0.0
    errors = np.zeros(LANES, np.float64)
    for b in range(bounds.size - 1):
        errors[:] = 0.0
        for i in range(bounds[b], bounds[b + 1]):
            row = weights[unit[i]]
            error = label[i] - score[i]
            for lane in range(LANES):
                errors[lane] += row[lane] * error
                out[0, lane] += row[lane] * error * error
                out[2, lane] += row[lane]
        for lane in range(LANES):
            out[1, lane] += abs(errors[lane])
