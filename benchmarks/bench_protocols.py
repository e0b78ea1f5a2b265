"""What does a whole evaluation cost besides the image tower? 5,000 images, 14 findings, every protocol.

    python benchmarks/bench_protocols.py [--images 5000] [--dim 512] [--decay 0]

Embeddings of images and texts are random (labels shift those of images a little), so no tower runs: what is timed is
scoring, probing, auditing with intervals and chance levels, and writing. The two attributes have two and three groups.
The few-shot curves have nine budgets (1 to 32 images of each kind; 1, 10 and 100 % of patients), two learners and five
draws. With --decay 1 the k-th direction has a spread of 1 / k, as trained towers have more and less of it, which
makes for longer searches.
"""

import argparse
import dataclasses
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from adfair.data.manifest import Cohort
from adfair.data.schema import CohortInfo
from adfair.evaluation.protocols import PROMPTS
from adfair.evaluation.subject import Subject
from adfair.models.dual_encoder import build_model
from adfair.workflows.protocol_rows import ROWS, Protocol

FINDINGS = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Lesion", "Lung Opacity", "Edema"),
    *("Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other"),
    *("Fracture", "Support Devices"),
)


def unit(x: np.ndarray) -> np.ndarray:
    """Rows of length one, float32."""
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def made_up(images: int, dim: int, rng: np.random.Generator, decay: float = 0.0) -> Subject:
    """A subject whose embeddings are all there already."""
    sizes = {"train": images, "val": images // 4, "probe": images // 2, "test": images}
    info = CohortInfo(
        name="random",
        findings=list(FINDINGS),
        attributes={"sex": ["F", "M"], "race": ["Asian", "Black", "White"]},
        splits=list(sizes),
        manifest_sha256="0" * 64,
    )
    n = sum(sizes.values())
    truth = (rng.random((n, len(FINDINGS))) < 0.15).astype(float)
    table = pd.DataFrame(truth, columns=list(FINDINGS)).assign(
        image_id=[f"i{k}" for k in range(n)],
        patient_id=[f"p{k // 2}" for k in range(n)],
        image_path="none.png",
        report=[f"report {k}" for k in range(n)],
        split=np.repeat(list(sizes), list(sizes.values())),
        sex=np.repeat(rng.choice(["F", "M"], n // 2 + 1), 2)[:n],
        race=np.repeat(rng.choice(["Asian", "Black", "White"], n // 2 + 1, p=[0.15, 0.15, 0.7]), 2)[:n],
    )
    emb = rng.standard_normal((n, dim))
    emb[:, : len(FINDINGS)] += truth
    emb *= np.arange(1, dim + 1) ** -decay
    subject = Subject(build_model("tiny", seed=0, image_size=64), Cohort(Path(), info, table))
    for name in sizes:
        subject._embedded[name, "embedding"] = unit(emb[(table["split"] == name).to_numpy()])
    return subject


def main() -> None:
    """Time every protocol once and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument(
        "--decay", type=float, default=0.0, help="direction k has a spread of k to the minus this"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    subject, how = made_up(args.images, args.dim, rng, args.decay), Protocol()
    texts: dict[tuple[str, ...], np.ndarray] = {}

    def text_emb(asked: list[str]) -> np.ndarray:
        return texts.setdefault(tuple(asked), unit(rng.standard_normal((len(asked), args.dim))))

    subject.text_emb = text_emb  # type: ignore[method-assign]
    jobs = [(f"zero_shot, {name}", "zero_shot", name) for name in PROMPTS]
    jobs += [(name, name, "ours") for name in ROWS if name != "zero_shot"]
    print(
        f"{args.images} images, {len(FINDINGS)} findings, {args.dim} dimensions, OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}"
    )
    print("\n| protocol | seconds | processor seconds |\n| --- | --- | --- |")
    total = np.zeros(2)
    for label, name, prompts in jobs:
        start = np.array([time.perf_counter(), time.process_time()])
        rows = ROWS[name](subject, "test", dataclasses.replace(how, prompts=prompts))
        subject.predictions("test", prompts=prompts).to_csv(os.devnull, index=False)
        spent = np.array([time.perf_counter(), time.process_time()]) - start
        total += spent
        assert len(rows)
        print(f"| {label} | {spent[0]:.1f} | {spent[1]:.1f} |", flush=True)
    print(f"| all | {total[0]:.1f} | {total[1]:.1f} |")


if __name__ == "__main__":
    main()
