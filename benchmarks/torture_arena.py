"""What the torture of training works with: whole small runs of every kind of objective, and comparison to the bit."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from adfair.config import build_config
from adfair.data.synthetic import synth
from adfair.training import train
from adfair.training.checkpoint import checkpoints
from adfair.training.throughput import CLOCK

SCALE = {
    "data.batch_size": 32,
    "train.steps": 24,
    "train.checkpoint_every": 3,
    "train.log_every": 1,
    "train.warmup": 4,
    "objective.delay": 0.1,
}
ARMS: dict[str, dict[str, object]] = {
    "adfair": {"data.augment": "light"},
    "alternating": {"objective.update": "alternating", "objective.target": "both", "train.select": "last"},
    "fastclip": {
        "objective.contrastive": "fastclip",
        "objective.fastclip.temperature": "individual",
        "objective.condition": "equalized_odds",
        "train.select": "last",
    },
    "group_dro": {"objective.fairness": "group_dro", "train.select": "best_auc"},
    "clip": {"objective.fairness": "none"},
}


@dataclass
class Tally:
    """What was done and what was lost."""

    counts: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def add(self, what: str, n: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + n

    def expect(self, fine: bool, what: str) -> None:
        if not fine:
            self.lost.append(what)


def in_child(work: Callable[[], int | None]) -> int:
    """Start ``work`` in a fork of this process, which has imported everything already; its process id."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        with open(os.devnull, "w") as quiet:
            os.dup2(quiet.fileno(), 1)
            code = work() or 0
    finally:
        os._exit(code)


def exit_code(child: int) -> int:
    """Wait; negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Arena:
    """A cohort, and what each arm gives undisturbed."""

    def __init__(self, root: Path, *, n_train: int = 160) -> None:
        self.root = root
        self.cohort = synth(root / "cohort", n_train=n_train, n_test=90, seed=3)
        self.seconds: dict[str, float] = {}

    def keys(self, arm: str) -> list[str]:
        keys = {"data.cohort": self.cohort, **SCALE, **ARMS[arm]}
        return [f"{key}={value}" for key, value in keys.items()]

    def train(self, arm: str, out: Path) -> None:
        train(build_config({}, self.keys(arm)), out=out, resume=True)

    def undisturbed(self, arm: str) -> Path:
        out = self.root / f"{arm}-undisturbed"
        if arm not in self.seconds:
            began = time.monotonic()
            assert exit_code(in_child(lambda: self.train(arm, out))) == 0, arm
            self.seconds[arm] = time.monotonic() - began
        return out


def log_of(run: Path) -> list[str]:
    """The log without its clock, in a form in which NaN equals NaN."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [json.dumps({k: v for k, v in line.items() if k not in CLOCK}) for line in lines]


def same_files(a: Path, b: Path) -> bool:
    """Whether two folders hold the same tensors, bit for bit, under the same names."""
    names = sorted(p.name for p in a.glob("*.safetensors"))
    if not names or names != sorted(p.name for p in b.glob("*.safetensors")):
        return False
    return all((a / name).read_bytes() == (b / name).read_bytes() for name in names)


def compare(tally: Tally, what: str, run: Path, reference: Path) -> None:
    """A finished run against the undisturbed one."""
    tally.expect(same_files(run / "model", reference / "model"), f"{what}: model/ differs")
    mine, theirs = checkpoints(run / "checkpoints")[0], checkpoints(reference / "checkpoints")[0]
    tally.expect(
        mine.name == theirs.name and same_files(mine, theirs), f"{what}: the last checkpoint differs"
    )
    tally.expect(log_of(run) == log_of(reference), f"{what}: the log differs")
