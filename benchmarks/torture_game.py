"""Do the warnings of training fire when the game fails, and only then?

    python benchmarks/torture_game.py [--runs 20] [--workers 2] [--out runs/torture_game] [--docs docs/results.md]

Four kinds of short runs on synthetic cohorts, a seed each: planted collapse (weight 8, one adversary step, no delay),
adversaries that cannot learn (learning rate 0), and healthy runs, half AdFair-CLIP and half plain CLIP. Exits 1 when
a planted failure is missed or a healthy run is warned of. Finished runs are kept, so it can be continued.
"""

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from pages import write_block

from adfair.config import build_config

SCALE = ["train.steps=200", "data.batch_size=64", "train.checkpoint_every=50", "train.select=last"]
HEALTHY = ["train.steps=350", "data.batch_size=96"]  # the short budget: with less, nothing has been learnt
KINDS = {
    "collapse": [
        "objective.adversary_weight=8",
        "objective.adversary_steps=1",
        "objective.delay=0",
        "objective.ramp=0",
    ],
    "fooled": ["train.adversary_lr=0"],
    "healthy": HEALTHY,
    "healthy_clip": [*HEALTHY, "objective.fairness=none"],
}
EXPECTED = {"collapse": {"collapse"}, "fooled": {"fooled"}, "healthy": set(), "healthy_clip": set()}
PRESETS = ("default", "none", "weak", "wide", "minority")


def run(kind: str, seed: int, out: Path) -> dict[str, object]:
    """Train one run unless it is there; what it warned of, and the last figures."""
    import torch

    from adfair.data.synthetic import synth
    from adfair.training import train

    torch.set_num_threads(1)
    folder = out / f"{kind}-{seed}"
    if not (folder / "model").is_dir():
        cohort = out / f"cohort-{kind}-{seed}"
        preset = PRESETS[seed % len(PRESETS)] if kind.startswith("healthy") else "default"
        synth(cohort, preset=preset, seed=seed, n_train=2000, n_test=60, force=True)
        tree = {"seed": seed, "data": {"cohort": str(cohort)}}
        train(build_config(tree, [*SCALE, *KINDS[kind]]), out=folder, force=True)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    warned = [entry["warning"] for entry in log if "warning" in entry]
    last = [entry for entry in log if "infonce" in entry][-1]
    return {
        "kind": kind,
        "seed": seed,
        "warned": warned,
        "share": last["infonce"] / last["contrastive_chance"],
    }


def table(results: list[dict]) -> str:
    """Counts by kind, as Markdown."""
    lines = [
        "| runs | number | warned of collapse | warned of a fooled adversary |",
        "| --- | --- | --- | --- |",
    ]
    for kind in KINDS:
        of = [r for r in results if r["kind"] == kind]
        counts = [sum(name in r["warned"] for r in of) for name in ("collapse", "fooled")]
        lines.append(f"| {kind.replace('_', ', ')} | {len(of)} | {counts[0]} | {counts[1]} |")
    return "\n".join(lines)


def failures(results: list[dict]) -> list[str]:
    """Planted failures missed, and healthy runs warned of."""
    bad = []
    for r in results:
        expected = EXPECTED[r["kind"]]
        if not expected <= set(r["warned"]) or (not expected and r["warned"]):
            bad.append(f"{r['kind']} seed {r['seed']}: warned of {r['warned'] or 'nothing'}")
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/torture_game"))
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    half = (arguments.runs + 1) // 2
    sizes = {
        "collapse": arguments.runs,
        "fooled": arguments.runs,
        "healthy": half,
        "healthy_clip": arguments.runs - half,
    }
    jobs = [(kind, 1000 + seed) for kind, n in sizes.items() for seed in range(n)]
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(run, *zip(*jobs, strict=True), [arguments.out] * len(jobs)))
    text = table(results)
    print(text)
    if arguments.docs:
        write_block(arguments.docs, "torture", text)
    bad = failures(results)
    print("\n".join(bad) or "every planted failure was warned of, no healthy run was")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
