"""How far the losses of two processes part from those of one in twenty steps, single precision, by objective.

    python benchmarks/bench_processes.py [--seeds 3] [--out runs/bench_processes] [--docs docs/scale.md]

The same batches, two gloo processes against one, a small ViT and a synthetic cohort. The other columns have adversaries
with a smooth activation (GELU) where AdFair's have kinks (leaky ReLU), and besides these an Adam that gives gradients
smaller than rounding no full steps (epsilon 1e-4 for 1e-8).
"""

import argparse
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from pages import write_block

TOWERS = {
    "embed_dim": 16,
    "vision_cfg": {"layers": 1, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
SCALE = [
    "train.steps=20",
    "train.warmup=3",
    "train.log_every=1",
    "train.select=last",
    "train.checkpoint_every=20",
]
SCALE += ["data.batch_size=25", "data.image_size=32", "objective.delay=0", "objective.ramp=0"]
NONE = ["objective.fairness=none"]
GAMES = {
    "AdFair": [],
    "AdFair, image and text": ["objective.target=both"],
    "AdFair, alternating": ["objective.update=alternating"],
    "AdFair, joint heads": ["objective.heads=joint"],
    "AdFair, told the findings": ["objective.condition=findings"],
    "AdFair, equalized odds": ["objective.condition=equalized_odds"],
    "AdFair, projected": ["objective.projection=no_conflict_per_sample"],
    "AdFair, same cell": ["objective.negatives=same_cell"],
    "AdFair, group adjusted": ["objective.negatives=group_adjusted"],
}
OTHERS = {
    **{name: [f"objective.contrastive={name}", *NONE] for name in ("infonce", "siglip", "fastclip")},
    **{name: [f"objective.negatives={name}", *NONE] for name in ("same_cell", "group_adjusted")},
    **{
        name: [f"objective.fairness={name}"]
        for name in ("fairclip_as_coded", "fairclip_exact", "fairclip_plus", "mmd", "coral", "group_dro")
    },
}


def work(out: Path, seeds: int) -> None:
    """In each process: every run, then the games with milder adversaries."""
    import torch
    from torch import nn

    from adfair.config import build_config
    from adfair.models import adversary
    from adfair.training import train

    torch.set_num_threads(1)
    world, made, adam = int(os.environ["WORLD_SIZE"]), adversary._head, torch.optim.Adam

    def smooth(dim: int, k: int) -> nn.Sequential:
        parts = [nn.GELU() if isinstance(part, nn.LeakyReLU) else part for part in made(dim, k)]
        return nn.Sequential(*parts)

    kinds = {"ours": (made, adam), "smooth": (smooth, adam), "mild": (smooth, partial(adam, eps=1e-4))}
    for kind, (head, optimizer) in kinds.items():
        adversary._head, torch.optim.Adam = head, optimizer  # type: ignore[misc]
        aims = {**OTHERS, **GAMES} if kind == "ours" else GAMES
        for name, keys in aims.items():
            for seed in range(seeds):
                tree = {"seed": seed, "data": {"cohort": str(out / "cohort")}}
                tree["model"] = {"config": str(out / "towers.json")}
                folder = out / f"{world}-{kind}-{name}-{seed}"
                train(build_config(tree, [*SCALE, *keys]), out=folder, force=True)


def losses(folder: Path) -> list[float]:
    """Of every step of a run."""
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [entry["contrastive"] for entry in entries if "contrastive" in entry]


def furthest(out: Path, kind: str, name: str, seeds: int) -> float:
    """Largest difference of a step's loss between one process and two."""
    pairs = [[losses(out / f"{world}-{kind}-{name}-{seed}") for world in (1, 2)] for seed in range(seeds)]
    return max(abs(a - b) for one, two in pairs for a, b in zip(one, two, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/bench_processes"))
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--work", action="store_true", help="what each process is started with")
    arguments = parser.parse_args()
    out, seeds = arguments.out, arguments.seeds
    if arguments.work:
        work(out, seeds)
        return 0
    from adfair.data.synthetic import synth

    out.mkdir(parents=True, exist_ok=True)
    (out / "towers.json").write_text(json.dumps(TOWERS))
    synth(out / "cohort", n_train=200, n_test=60, seed=5, force=True)
    for world in (1, 2):
        launch = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            str(world),
        ]
        subprocess.run([*launch, __file__, "--work", "--out", str(out), "--seeds", str(seeds)], check=True)
    lines = ["| objective | largest difference of a loss | smooth heads | and a larger epsilon |"]
    lines.append("| --- | --- | --- | --- |")
    for name in [*OTHERS, *GAMES]:
        kinds = ["ours", "smooth", "mild"] if name in GAMES else ["ours"]
        cells = [f"{furthest(out, kind, name, seeds):.0e}" for kind in kinds]
        lines.append(f"| {' | '.join([name, *cells, *[''] * (3 - len(cells))])} |")
    print("\n".join(lines))
    if arguments.docs:
        write_block(arguments.docs, "processes", "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
