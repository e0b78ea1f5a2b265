"""Planted failures of the game are warned of, healthy runs are not: two of each; `make torture` runs twenty."""

import json
from pathlib import Path

import pytest

from adfair.config import build_config
from adfair.data.synthetic import synth
from adfair.training import train

SCALE = ["train.steps=84", "data.batch_size=32", "train.checkpoint_every=42", "train.select=last"]
PLANTED = {
    "collapse": [
        "objective.adversary_weight=8",
        "objective.adversary_steps=1",
        "objective.delay=0",
        "objective.ramp=0",
    ],
    "fooled": ["train.adversary_lr=0", "objective.delay=0"],
    # Long enough before the adversary is felt for the towers to have learnt something.
    "healthy": ["data.batch_size=64", "objective.delay=0.7"],
}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synth(tmp_path_factory.mktemp("game") / "cohort", n_train=800, n_test=60, seed=5)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", PLANTED)
def test_warnings(cohort: Path, tmp_path: Path, kind: str, seed: int) -> None:
    tree = {"seed": seed, "data": {"cohort": str(cohort)}}
    run = train(build_config(tree, [*SCALE, *PLANTED[kind]]), out=tmp_path / "run")
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    warned = {entry["warning"] for entry in log if "warning" in entry}
    assert warned == set() if kind == "healthy" else kind in warned
