"""Random integer weights for blocks of 64 replicates: bootstrap, permutation, jackknife.

Each replicate has its own stream, seeded by (seed, replicate number), so results do not depend on how many
threads share the work. Source of the generator: splitmix64 (Steele, Lea and Flood, 2014).
"""

import numpy as np
from numba import njit

from adfair.metrics.lanes import LANES

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)


@njit(cache=True, nogil=True)
def _mix(state: np.uint64) -> np.uint64:
    z = (state ^ (state >> _S30)) * _MIX_A
    z = (z ^ (z >> _S27)) * _MIX_B
    return z ^ (z >> _S31)


@njit(cache=True, nogil=True)
def _stream(seed: int, replicate: int) -> np.uint64:
    return _mix(_mix(np.uint64(seed) + _GOLDEN) + np.uint64(replicate) * _GOLDEN)


@njit(cache=True, nogil=True)
def _transpose(rows: np.ndarray, out: np.ndarray) -> None:
    for start in range(0, out.shape[0], LANES):
        end = min(start + LANES, out.shape[0])
        for lane in range(LANES):
            for i in range(start, end):
                out[i, lane] = rows[lane, i]


@njit(cache=True, nogil=True)
def bootstrap_counts(counts: np.ndarray, offsets: np.ndarray, seed: int, first: int) -> None:
    """Fill ``counts`` (uint8 [U, LANES]) with how often each unit is drawn in replicates first to first + 63.

    Units offsets[s] to offsets[s + 1] - 1 are stratum s and are drawn with replacement among themselves.
    Replicate 0 is the observed table: every unit once.
    """
    # One replicate at a time in a buffer that fits the cache, then transposed in tiles: 3x faster than
    # scattering into the columns of ``counts`` when there are many units.
    drawn = np.zeros((LANES, counts.shape[0]), np.uint8)
    for lane in range(LANES):
        row = drawn[lane]
        if first + lane == 0:
            row[:] = 1
            continue
        state = _stream(seed, first + lane)
        for s in range(offsets.size - 1):
            start = offsets[s]
            size = np.uint64(offsets[s + 1] - start)
            for _ in range(offsets[s + 1] - start):
                state += _GOLDEN
                row[start + np.int64(((_mix(state) >> _S32) * size) >> _S32)] += np.uint8(1)
    _transpose(drawn, counts)


@njit(cache=True, nogil=True)
def permuted_codes(
    codes: np.ndarray, offsets: np.ndarray, order: np.ndarray, seed: int, first: int, out: np.ndarray
) -> None:
    """Fill ``out`` [U, LANES] with ``codes`` (of its type) shuffled within strata, one shuffle a lane.

    ``order``: int64 [U], the units sorted by stratum; offsets[s] to offsets[s + 1] - 1 of it are stratum s.
    Replicate 0 is the observed assignment.
    """
    shuffled = np.empty(codes.size, codes.dtype)
    by_lane = np.empty((LANES, codes.size), codes.dtype)
    for lane in range(LANES):
        for i in range(order.size):
            shuffled[i] = codes[order[i]]
        if first + lane > 0:
            _shuffle_strata(shuffled, offsets, _stream(seed, first + lane))
        for i in range(order.size):
            by_lane[lane, order[i]] = shuffled[i]
    _transpose(by_lane, out)


@njit(cache=True, nogil=True)
def _shuffle_strata(values: np.ndarray, offsets: np.ndarray, state: np.uint64) -> None:
    for s in range(offsets.size - 1):
        for i in range(offsets[s + 1] - 1, offsets[s], -1):
            state += _GOLDEN
            span = np.uint64(i - offsets[s] + 1)
            j = offsets[s] + np.int64(((_mix(state) >> _S32) * span) >> _S32)
            values[i], values[j] = values[j], values[i]


def left_out(units: int, chosen: np.ndarray) -> np.ndarray:
    """Weights uint8 [U, LANES] of a jackknife: lane l leaves out unit chosen[l], spare lanes none."""
    weights = np.ones((units, LANES), np.uint8)
    weights[chosen, np.arange(len(chosen))] = 0
    return weights
