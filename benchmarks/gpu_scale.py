"""What a GPU does with real towers: throughput and MFU, the loss at 65k, and the synthetic study at ViT scale.

    python benchmarks/gpu_scale.py --out runs/gpu_scale            on a GPU
    python benchmarks/gpu_scale.py --toy --out runs/gpu_scale_toy  everything at toy size, on a CPU in minutes

1. ViT-B/32 at 224 px, bf16-mixed, batch 1,024: images/s and MFU of plain CLIP and of AdFair-CLIP in turn, and the ratio
   of their step times. Goals: 50 % MFU, 1.02x. The towers' own log gives the figures, its first interval left out.
2. The contrastive loss at 65,536 pairs, D = 512: seconds and peak memory, forward and backward.
3. The synthetic study with these towers: plain CLIP and AdFair-CLIP, AUC, equalized odds difference and leakage.
The result is ``result.md`` in the folder, under the name of the device.
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F

from adfair.config import build_config
from adfair.data.synthetic import synth
from adfair.objectives.contrastive import infonce_per_pair
from adfair.training import train
from adfair.workflows.evaluate import Protocol, evaluate

ARMS = {"CLIP": ["objective.fairness=none"], "AdFair-CLIP": []}
METRICS = ("auc", "equalized_odds_difference", "leakage_auc")


@dataclass(frozen=True)
class Size:
    """How large everything is."""

    model: str
    pixels: int
    batch: int
    cohort: int
    steps: int
    pairs: int
    study_steps: int
    replicates: int


FULL = Size("ViT-B-32", 224, 1024, 6000, 60, 65536, 900, 1000)
TOY = Size("tiny", 64, 32, 300, 12, 2500, 12, 20)


def run_folder(out: Path, cohort: Path, size: Size, arm: str, steps: int, extra: list[str]) -> Path:
    """Train one arm, the adversary at work from the first step where only speed counts (``extra``)."""
    tree = {
        "data": {"cohort": str(cohort), "batch_size": size.batch, "image_size": size.pixels},
        "model": {"config": size.model},
        "train": {"steps": steps, "precision": "bf16-mixed", "log_every": max(1, steps // 10), "lr": 5e-4},
    }
    tree["train"]["text_lr_factor"] = 1.0
    name = f"{arm}-{steps}-{'speed' if extra else 'study'}"
    return train(build_config(tree, [*ARMS[arm], *extra]), out=out / name, force=True)


def speed(run: Path, key: str) -> float | None:
    """Median over logged intervals, the first left out."""
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    values = [entry[key] for entry in entries if key in entry][1:]
    return None if None in values else statistics.median(values)


def throughput(out: Path, cohort: Path, size: Size) -> list[str]:
    """Images a second and MFU of both arms."""
    extra = ["train.select=last", "objective.delay=0", "objective.ramp=0"]
    runs = {arm: run_folder(out, cohort, size, arm, size.steps, extra) for arm in ARMS}
    rates = {arm: speed(run, "images_per_second") for arm, run in runs.items()}
    lines = ["| arm | images/s | MFU |", "| --- | --- | --- |"]
    for arm, run in runs.items():
        mfu = speed(run, "mfu")
        lines.append(f"| {arm} | {rates[arm]:,.0f} | {'peak not known' if mfu is None else f'{mfu:.1%}'} |")
    assert rates["CLIP"]
    assert rates["AdFair-CLIP"]
    return [
        *lines,
        "",
        f"AdFair-CLIP's step takes {rates['CLIP'] / rates['AdFair-CLIP']:.3f} times CLIP's.",
        "",
    ]


def loss(size: Size, device: torch.device) -> list[str]:
    """One forward and backward pass of the loss in tiles, after one that is not counted."""
    image, text = (
        F.normalize(torch.randn(size.pairs, 512, device=device), dim=1).requires_grad_() for _ in "it"
    )
    scale = torch.tensor(14.0, device=device, requires_grad=True)
    seconds = 0.0
    for _ in range(2):
        began = time.perf_counter()
        infonce_per_pair(image, text, scale).mean().backward()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    peak = f", peak {torch.cuda.max_memory_allocated() / 1e6:,.0f} MB" if device.type == "cuda" else ""
    return [
        f"Contrastive loss of {size.pairs:,} pairs, D = 512, fp32, forward and backward: {seconds:.3f} s{peak}.",
        "",
    ]


def study(out: Path, cohort: Path, size: Size) -> list[str]:
    """Both arms trained on the synthetic cohort and evaluated on its balanced test set."""
    lines = [f"| arm | {' | '.join(METRICS)} |", "| --- " * (len(METRICS) + 1) + "|"]
    for arm in ARMS:
        run = run_folder(out, cohort, size, arm, size.study_steps, [])
        how = Protocol(replicates=size.replicates)
        folder = evaluate(run, data=cohort, protocol="all", out=out / f"{arm}-test", how=how, force=True)
        table = pd.read_csv(folder / "metrics.csv", keep_default_na=False)
        lines.append(f"| {arm} | {' | '.join(figure(table, metric) for metric in METRICS)} |")
    return lines


def figure(table: pd.DataFrame, metric: str) -> str:
    """The mean over findings of a metric, by attribute where it has one."""
    rows = table[(table["metric"] == metric) & (table["group"] == "") & (table["stratum"] == "")]
    rows = rows[rows["finding"].isin(["mean", ""])]
    cells: list[Any] = [f"{row.attribute} {row.value}".strip() for row in rows.itertuples()]
    return ", ".join(cells) or "undefined"


def main() -> None:
    """Run all three and write ``result.md``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--toy", action="store_true")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not arguments.toy:
        parser.error("no GPU here; --toy runs everything at toy size")
    size, out = TOY if arguments.toy else FULL, arguments.out
    cohort = out / "cohort"
    if not cohort.is_dir():
        synth(cohort, n_train=size.cohort, n_test=max(300, size.cohort // 2), seed=0)
    name = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else "a CPU (toy size: the figures mean nothing)"
    )
    lines = [f"Device: {name}; {size.model}, {size.pixels} px, batch {size.batch:,}, bf16-mixed.", ""]
    for part in (throughput(out, cohort, size), loss(size, device), study(out, cohort, size)):
        print("\n".join(part), flush=True)
        lines += part
    (out / "result.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
