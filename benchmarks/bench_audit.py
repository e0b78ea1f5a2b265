"""How fast are the audit's kernels against scikit-learn in a loop, and do they give the same numbers?

    python benchmarks/bench_audit.py [--docs docs/metrics.md]

Two tasks: AUC and AUC gap of 20,000 rows x 14 findings x 18 groups x 2,000 bootstrap replicates, and a whole
audit-sized bootstrap of 10^6 rows x 1 finding x 6 groups x 1,000 replicates with its peak memory. The loop
over scikit-learn is timed for a few replicates in the same run and scaled up.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
from pages import write_block
from sklearn.metrics import roc_auc_score

from adfair.auditing import audit
from adfair.auditing.attributes import Attribute
from adfair.auditing.cells import finding_cells, list_cells
from adfair.auditing.predictions import Predictions
from adfair.auditing.settings import default_threads
from adfair.auditing.statistics import bootstrap_fill, replicate
from adfair.metrics.fairness import max_min_gap
from adfair.metrics.resampling import bootstrap_counts

AUC_ONLY = frozenset({"auc"})


def table(rows: int, findings: int, groups: int, *, seed: int = 0) -> Predictions:
    """Random predictions, one image a patient, in ``groups`` disjoint groups, scores with ties."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((rows, findings)) < 0.3).astype(np.int8)
    scores = np.round(rng.normal(size=(rows, findings)) + labels, 4)
    group = Attribute(
        "group", tuple(f"g{k:02d}" for k in range(groups)), rng.integers(0, groups, rows, dtype=np.int16)
    )
    names = tuple(f"finding {f}" for f in range(findings))
    return Predictions(
        "table", np.arange(rows), np.arange(rows, dtype=np.int32), rows, names, labels, scores, (group,)
    )


def bootstrap_aucs(predictions: Predictions, replicates: int, threads: int) -> np.ndarray:
    """AUCs [1 + R, F, 1 + G] of everyone and every group."""
    nowhere = np.full(len(predictions.findings), np.nan)
    rows = finding_cells(
        predictions, list_cells(predictions), nowhere, unit=predictions.patient, bins=10, binning="width"
    )
    fill = bootstrap_fill(np.array([0, predictions.patients]), 0)
    total = 1 + replicates
    return replicate(rows, fill, units=predictions.patients, total=total, threads=threads, kinds=AUC_ONLY)[
        ..., 0
    ]


def sklearn_aucs(predictions: Predictions, counts: np.ndarray) -> np.ndarray:
    """The same for one resample [F, 1 + G], by scikit-learn on the drawn rows."""
    drawn = np.repeat(np.arange(predictions.images), counts)
    code = predictions.attributes[0].codes[drawn]
    masks = [slice(None), *(code == g for g in range(len(predictions.attributes[0].groups)))]
    out = np.empty((len(predictions.findings), len(masks)))
    for f in range(len(predictions.findings)):
        label, score = predictions.labels[drawn, f], predictions.scores[drawn, f]
        out[f] = [roc_auc_score(label[mask], score[mask]) for mask in masks]
    return out


class Stopwatch:
    """Wall and processor seconds of a block; on a shared machine only the second can be compared."""

    def __enter__(self) -> "Stopwatch":
        self.start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self.start[0]
        self.processor = time.process_time() - self.start[1]


def against_sklearn(replicates: int, checked: int, threads: int) -> list[str]:
    """Time both on 20,000 x 14 x 18 and compare every figure of the checked replicates."""
    predictions = table(20_000, 14, 18)
    bootstrap_aucs(predictions, 64, threads)
    with Stopwatch() as mine:
        ours = bootstrap_aucs(predictions, replicates, threads)
        gaps = max_min_gap(ours[:, :, 1:])
    weights = np.empty((predictions.patients, 64), np.uint8)
    bootstrap_counts(weights, np.array([0, predictions.patients]), 0, 0)
    with Stopwatch() as loop:
        theirs = np.stack([sklearn_aucs(predictions, weights[:, r]) for r in range(1, checked + 1)])
    wall, processor = (seconds / checked * replicates for seconds in (loop.wall, loop.processor))
    error = np.abs(theirs - ours[1 : checked + 1]).max()
    gap_error = np.abs(max_min_gap(theirs[:, :, 1:]) - gaps[1 : checked + 1]).max()
    ratio = processor / mine.processor
    return [
        f"| adfair, {threads} threads | {mine.wall:.2f} s | {mine.processor:.2f} s | |",
        f"| scikit-learn loop (from {checked} replicates) | {wall:,.0f} s | {processor:,.0f} s | {ratio:,.0f}x |",
        f"| largest difference, AUC and gap | | | {max(error, gap_error):.1e} |",
    ]


def million_rows(threads: int) -> list[str]:
    """10^6 rows x 1 finding x 6 groups x 1,000 replicates."""
    with Stopwatch() as mine:
        bootstrap_aucs(table(1_000_000, 1, 6), 1000, threads)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    what = f"10^6 rows x 6 groups x 1,000 replicates, {threads} threads"
    return [f"| {what} | {mine.wall:.1f} s | {mine.processor:.1f} s | peak {peak:.1f} GB |"]


def whole_audit(threads: int) -> list[str]:
    """A whole audit of 3,600 images x 5 findings, two attributes, 1,000 replicates."""
    rng = np.random.default_rng(0)
    images, findings = 3600, 5
    label = rng.integers(0, 2, images * findings)
    frame = pd.DataFrame(
        {
            "image_id": np.tile(np.arange(images), findings),
            "patient_id": np.tile(np.arange(images) // 2, findings),
            "finding": np.repeat([f"f{k}" for k in range(findings)], images),
            "label": label,
            "score": np.clip(rng.normal(0.4 + 0.2 * label, 0.2), 0, 1),
            "race": np.tile(rng.choice(["Asian", "Black", "White"], images // 2).repeat(2), findings),
            "sex": np.tile(rng.choice(["F", "M"], images // 2).repeat(2), findings),
        }
    )
    with Stopwatch() as mine:
        audit(frame, attributes=["race", "sex"], threshold=0.5, replicates=1000, threads=threads)
    what = f"whole audit, 3,600 images x 5 findings, race and sex, {threads} threads"
    return [f"| {what} | {mine.wall:.2f} s | {mine.processor:.2f} s | |"]


def main() -> None:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--checked", type=int, default=4, help="replicates that scikit-learn repeats")
    parser.add_argument("--docs", type=Path, help="page whose speed block to rewrite")
    arguments = parser.parse_args()
    threads = default_threads()
    lines = [f"AUC and gap, 20,000 rows x 14 findings x 18 groups x {arguments.replicates:,} replicates:", ""]
    lines += ["| | time | processor time | |", "| --- | --- | --- | --- |"]
    lines += against_sklearn(arguments.replicates, arguments.checked, threads)
    lines += whole_audit(threads) + million_rows(threads)
    text = "\n".join(lines)
    print(text)
    if arguments.docs:
        write_block(arguments.docs, "speed", text)


if __name__ == "__main__":
    main()
