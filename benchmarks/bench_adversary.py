"""What do the adversary and ``auto`` cost, beside a real tower and in the demonstration?

    python benchmarks/bench_adversary.py [--docs docs/results.md]

1. Its components (whitening, heads, forward, backward, update, k = 5 steps and the joint one) at the width and batch
   of a ViT-B/32, against one training step of that model without it. Bar: 0.2 %.
2. The same for what ``auto`` takes where findings depend on groups: adjusted logits, in full although plain ones are
   part of the step already, and an adversary that knows the findings. Bar: 2 %.
3. Training steps of the tiny towers with and without them, alternating in one run. Bars: 1.6 times, 1.4 times for auto.
One thread, medians.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import open_clip
import torch
from lightning_fabric import Fabric
from pages import write_block
from torch import Tensor
from torch.nn import functional as F

from adfair.config import build_config
from adfair.data.manifest import load_cohort
from adfair.data.synthetic import synth
from adfair.models.dual_encoder import build_model
from adfair.objectives import Batch, Setting, build_objective
from adfair.objectives.contrastive import infonce
from adfair.training.inputs import train_data
from adfair.training.keeper import Keeper
from adfair.training.loop import fit
from adfair.training.selection import Selector

BATCH, WIDTH = 64, 512
AUTO = [
    "objective.negatives=group_adjusted",
    "objective.condition=findings",
    "objective.adversary_weight=0.5",
]


def median_ms(work: Callable[[], object], *, repeats: int) -> float:
    """Median time of a call in milliseconds, after one call that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def vit_step() -> Callable[[], None]:
    """One step of ViT-B/32 on random images: both towers, InfoNCE, backward, fused AdamW."""
    net = open_clip.create_model("ViT-B-32", pretrained_hf=False)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)
    images, tokens = torch.randn(BATCH, 3, 224, 224), torch.randint(1, 49000, (BATCH, 77))

    def step() -> None:
        optimizer.zero_grad()
        infonce(*net(images, tokens)[:3]).backward()
        optimizer.step()

    return step


def added_step(folder: Path, *keys: str) -> Callable[[], None]:
    """All that AdFair adds to a step: statistics, k = 5 updates, the opposed forward and backward, its own update.

    The contrastive loss is in it where ``keys`` change that.
    """
    config = build_config({"data": {"cohort": str(folder)}}, ["objective.delay=0", "objective.ramp=0", *keys])
    model = build_model("tiny", seed=0, image_size=64)
    data = train_data(load_cohort(folder), config, image_size=64, tokenize=model.tokenize)
    model.config["embed_dim"] = WIDTH
    contrastive, term = build_objective(Setting(config, Fabric(accelerator="cpu", devices=1), model, data))
    codes: dict[str, Tensor] = {name: values[:BATCH] for name, values in data.codes.items()}
    text = F.normalize(torch.randn(BATCH, WIDTH), dim=1)

    def step() -> None:
        image = F.normalize(torch.randn(BATCH, WIDTH), dim=1).requires_grad_()
        batch = Batch(
            image_emb=image,
            text_emb=text,
            logit_scale=torch.tensor(10.0),
            codes=codes,
            rows=torch.arange(BATCH),
            findings=data.findings[:BATCH],
        )
        pairing = contrastive(batch)
        term.fit(batch)
        penalty = term.penalty(batch, pairing, 1.0)
        (penalty + pairing.loss if keys else penalty).backward()
        term.finish()

    return step


def tiny_seconds(folder: Path, *keys: str, steps: int = 40) -> float:
    """Seconds of training of the demonstration's towers."""
    quick = [f"train.steps={steps}", "train.select=last", "objective.delay=0", "train.checkpoint_every=1000"]
    config = build_config({"data": {"cohort": str(folder)}}, [*quick, *keys])
    model = build_model("tiny", seed=0, image_size=64)
    data = train_data(load_cohort(folder), config, image_size=64, tokenize=model.tokenize)
    with tempfile.TemporaryDirectory() as run:
        selector = Selector("last", None, [], Path(run))
        fabric = Fabric(accelerator="cpu", devices=1)
        *_, last = (
            entry
            for entry in fit(model, data, config, fabric, selector, Keeper(Path(run)))
            if "seconds" in entry
        )
    return float(last["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        cohort = synth(Path(folder) / "cohort", n_train=500, n_test=60, seed=0)
        added, auto = (median_ms(added_step(cohort, *keys), repeats=41) for keys in ([], AUTO))
        arms = (["objective.fairness=none"], [], AUTO)
        rounds = [[tiny_seconds(cohort, *keys) for keys in arms] for _ in range(3)]
    whole = median_ms(vit_step(), repeats=2)
    ratio, auto_ratio = (statistics.median(times[arm] / times[0] for times in rounds) for arm in (1, 2))
    lines = [
        "| what | measured | bar |",
        "| --- | --- | --- |",
        f"| adversary (k = 5) beside a ViT-B/32 step, batch {BATCH} | {added:.1f} ms of {whole:,.0f} ms: "
        f"{added / whole:.2%} | 0.20% |",
        f"| what auto adds, adjusted logits and all, beside the same | {auto:.1f} ms: {auto / whole:.2%} | 2% |",
        f"| tiny towers, AdFair-CLIP step over plain CLIP step | {ratio:.2f}x | 1.6x |",
        f"| tiny towers, auto's step over plain CLIP step | {auto_ratio:.2f}x | 1.4x |",
    ]
    print("\n".join(lines))
    if arguments.docs:
        write_block(arguments.docs, "adversary", "\n".join(lines))


if __name__ == "__main__":
    main()
