"""How long does ``adfair diagnose`` take on 200,000 reports, and how often does it see a bias that is not there?

    python benchmarks/bench_diagnose.py [--docs docs/which-remedy.md] [--seeds 40]

1. The command, in a process of its own, on the training reports of a synthetic cohort drawn again and again until there
   are 200,000, each a patient of its own. Bar: 60 s.
2. Cohorts of the population `none`, whose findings depend on no group, one a seed, none of whose reports names a group:
   how many have a sign of bias. Bar: 5 %.
3. The same cohorts with groups of 97, 2 and 1 % drawn at random: how many have a sign of bias in those. Bar: 5 %.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from pages import write_block

from adfair.auditing.diagnosis import diagnose
from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.data.synthetic import synth

REPORTS, SECONDS_BAR, ALARM_BAR = 200_000, 60, 0.05


def seconds_of_diagnosis(folder: Path, reports: int) -> float:
    """Draw the cohort and time the command on it, reading, images and all."""
    small = load_cohort(synth(folder / "small", seed=0))
    train = small.split("train")
    rows = np.random.default_rng(0).integers(0, len(train), reports)
    table = train.iloc[rows].reset_index(drop=True)
    for column, prefix in (("image_id", "i"), ("patient_id", "p"), ("study_id", "s")):
        table[column] = [f"{prefix}{k:07d}" for k in range(reports)]
    # An image belongs to one patient: each gets a name of its own.
    (folder / "images").mkdir()
    names = [f"images/{image}.png" for image in table["image_id"]]
    for source, name in zip(table["image_path"], names, strict=True):
        os.link(small.image_root / source, folder / name)
    table["image_path"] = names
    info = small.info.model_copy(update={"splits": ["train"], "image_root": str(folder)})
    write_cohort(folder / "large", info, table)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "adfair", "diagnose", folder / "large"], check=True, capture_output=True
    )
    return time.perf_counter() - began


def false_alarms(folder: Path, seeds: int) -> tuple[list[str], list[str]]:
    """What was said of cohorts that hold no bias, of their groups and of rare ones: ``seed N: signs`` of those with any."""
    said: tuple[list[str], list[str]] = ([], [])
    for seed in range(seeds):
        drawn = synth(folder / "none", preset="none", seed=seed, mention=0.0, n_test=60, force=True)
        cohort = with_rare_groups(load_cohort(drawn), seed)
        for found, attributes in zip(said, (("race", "sex"), ("site",)), strict=True):
            if signs := diagnose(cohort, attributes=attributes, images=False, seed=seed).signs:
                found.append(f"seed {seed}: {'; '.join(signs)}")
    return said


def with_rare_groups(cohort: Cohort, seed: int) -> Cohort:
    """A further attribute ``site`` of three groups, of no meaning."""
    site = np.random.default_rng(seed).choice(
        ["large", "small", "least"], len(cohort.table), p=[0.97, 0.02, 0.01]
    )
    attributes = cohort.info.attributes | {"site": ["large", "small", "least"]}
    info = cohort.info.model_copy(update={"attributes": attributes})
    return replace(cohort, info=info, table=cohort.table.assign(site=site))


def main() -> int:
    """Print both; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=Path, help="page to write the figures to")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--reports", type=int, default=REPORTS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        seconds = seconds_of_diagnosis(Path(name), args.reports)
        alarms, rare = false_alarms(Path(name), args.seeds)
    text = (
        f"`adfair diagnose` on {args.reports:,} reports: {seconds:.0f} s (bar {SECONDS_BAR}). "
        f"Of {args.seeds} cohorts without any bias (6,000 reports each), {len(alarms)} had a sign of one (bar {ALARM_BAR:.0%})"
    )
    text += _listed(alarms)
    text += f"\n\nWith groups of 97, 2 and 1 % drawn at random in the same cohorts, {len(rare)} had a sign of a bias in those"
    text += _listed(rare)
    print(text)
    if args.docs:
        write_block(args.docs, "diagnose", text)
    return int(seconds > SECONDS_BAR or max(len(alarms), len(rare)) > ALARM_BAR * args.seeds)


def _listed(alarms: list[str]) -> str:
    return ":\n" + "\n".join(f"- {line}" for line in alarms) if alarms else "."


if __name__ == "__main__":
    sys.exit(main())
