"""Every base metric of every cell for many replicates at once: observed, bootstrap and jackknife."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from adfair.auditing.cells import SortedRows
from adfair.metrics.lanes import LANES, auc_lanes, calibration_lanes, confusion_lanes, precision_lanes
from adfair.metrics.rates import RATES, rates_from_counts
from adfair.metrics.resampling import bootstrap_counts, left_out

METRICS = ("auc", "auprc", "brier", "ece", *RATES, "underdiagnosis_rate")
INDEX = {name: k for k, name in enumerate(METRICS)}
ALL = frozenset(("auc", "auprc", "calibration", "rates"))

Fill = Callable[[np.ndarray, int], None]


def evaluate(rows: SortedRows, weights: np.ndarray, kinds: frozenset[str] = ALL) -> np.ndarray:
    """Base metrics [len(METRICS), LANES] of one cell under 64 weightings; NaN where undefined.

    Args:
        weights: uint8 [U, LANES], one weight a unit and lane.
        kinds: which of auc, auprc, calibration, rates to compute; the others are NaN.
    """
    out = np.full((len(METRICS), LANES), np.nan)
    if rows.size == 0:
        return out
    with np.errstate(divide="ignore", invalid="ignore"):
        if "auc" in kinds or "auprc" in kinds:
            _ranking(rows, weights, kinds, out)
        if "calibration" in kinds and rows.bounds is not None:
            _calibration(rows, rows.bounds, weights, out)
        if "rates" in kinds and rows.start >= 0:
            counts = np.empty((4, LANES))
            confusion_lanes(rows.unit, rows.label, rows.start, weights, counts)
            rates = rates_from_counts(*counts)
            out[INDEX["tpr"] : -1] = [rates[name] for name in RATES]
            out[-1] = rates["fnr"]
    return out


def _ranking(rows: SortedRows, weights: np.ndarray, kinds: frozenset[str], out: np.ndarray) -> None:
    sums = np.empty((3, LANES))
    auc_lanes(rows.unit, rows.label, rows.tied, weights, sums)
    out[INDEX["auc"]] = sums[2] / (2.0 * sums[0] * sums[1])
    if "auprc" in kinds:
        total = np.empty(LANES)
        precision_lanes(rows.unit, rows.label, rows.tied, weights, total)
        out[INDEX["auprc"]] = total / sums[0]


def _calibration(rows: SortedRows, bounds: np.ndarray, weights: np.ndarray, out: np.ndarray) -> None:
    sums = np.empty((3, LANES))
    calibration_lanes(rows.unit, rows.label, rows.score, bounds, weights, sums)
    out[INDEX["brier"]] = sums[0] / sums[2]
    out[INDEX["ece"]] = sums[1] / sums[2]


def replicate(
    table: Sequence[Sequence[SortedRows]],
    fill: Fill,
    *,
    units: int,
    total: int,
    threads: int = 1,
    kinds: frozenset[str] = ALL,
) -> np.ndarray:
    """Metrics [total, F, C, M] of every finding and cell under weights that ``fill(weights, first)`` writes.

    Blocks of 64 replicates are independent and seeded by their number, so the result does not depend on
    threads.
    """
    blocks = range(0, total, LANES)
    out = np.empty((len(blocks) * LANES, len(table), len(table[0]), len(METRICS)))

    def block(first: int) -> None:
        weights = np.empty((units, LANES), dtype=np.uint8)
        fill(weights, first)
        for f, cells in enumerate(table):
            for c, rows in enumerate(cells):
                out[first : first + LANES, f, c] = evaluate(rows, weights, kinds).T

    run_blocks(block, blocks, threads=threads)
    return out[:total]


def mark_underdiagnosis(values: np.ndarray, findings: Sequence[str]) -> np.ndarray:
    """Underdiagnosis is the FPR of ``No Finding`` and the FNR of any other finding ([..., F, C, M], in
    place).

    Source: Seyyed-Kalantari et al., Nature Medicine 27 (2021).
    """
    for f, name in enumerate(findings):
        if name.casefold().replace("_", " ") == "no finding":
            values[..., f, :, INDEX["underdiagnosis_rate"]] = values[..., f, :, INDEX["fpr"]]
    return values


def run_blocks(block: Callable[[int], None], blocks: Sequence[int], *, threads: int) -> None:
    """Call ``block`` for each first replicate; the kernels release the interpreter lock."""
    if threads == 1 or len(blocks) == 1:
        for first in blocks:
            block(first)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(block, blocks))


def bootstrap_fill(offsets: np.ndarray, seed: int) -> Fill:
    """Weights of the observed table (replicate 0) and of patient-level bootstrap resamples."""

    def fill(weights: np.ndarray, first: int) -> None:
        bootstrap_counts(weights, offsets, seed, first)

    return fill


def jackknife_fill(chosen: np.ndarray) -> Fill:
    """Weights that leave out one unit a replicate, in the order of ``chosen`` (int64 [J])."""

    def fill(weights: np.ndarray, first: int) -> None:
        weights[:] = left_out(len(weights), chosen[first : first + LANES])

    return fill
