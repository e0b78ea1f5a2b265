"""What a checkpoint of a run holds, and how a run goes on from one."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adfair.data.staging import sync_folder
from adfair.distributed import exchange, rank, together
from adfair.errors import DataError, TrainingError
from adfair.objectives.interface import Contrastive, FairnessTerm
from adfair.training.checkpoint import drop_old, newest_whole, read_checkpoint, write_checkpoint
from adfair.training.pace import Pace
from adfair.training.randomness import random_state, set_random_state
from adfair.training.selection import Selector
from adfair.training.watch import Watch

LOG_FILE, FOLDER = "log.jsonl", "checkpoints"


@dataclass(frozen=True)
class Parts:
    """Everything in a run that changes while it trains.

    The sampler is not among them: which rows a batch has is a function of the seed and the step.
    """

    net: torch.nn.Module
    optimizer: torch.optim.Optimizer
    contrastive: Contrastive
    fairness: FairnessTerm
    watch: Watch
    selector: Selector
    pace: Pace
    precision: Any  # the engine's; holds the scaler of 16-bit training

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """By part; every process must call it, for each has its own random numbers."""
        adversary, fitted = self.fairness.adversary, self.fairness.optimizer
        randoms = exchange(random_state())
        return {
            "towers": dict(self.net.state_dict()),
            "optimizer": optimizer_state(self.optimizer),
            "adversary": {} if adversary is None else dict(adversary.state_dict()),
            "adversary_optimizer": {} if fitted is None else optimizer_state(fitted),
            "contrastive": self.contrastive.state(),
            "fairness": self.fairness.state(),
            "watch": self.watch.state(),
            "random": {
                f"{r}.{key}": value for r, state in enumerate(randoms) for key, value in state.items()
            },
        }

    def facts(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "seconds": self.pace.seconds,
            "scaler": self.precision.state_dict(),
            "validations": self.selector.records,
        }

    def load(self, tensors: Mapping[str, dict[str, Tensor]], facts: Mapping[str, Any]) -> None:
        """Go on from what :meth:`tensors` and :meth:`facts` were."""
        self.net.load_state_dict(tensors["towers"])
        load_optimizer(self.optimizer, tensors["optimizer"])
        if self.fairness.adversary is not None and self.fairness.optimizer is not None:
            self.fairness.adversary.load_state_dict(tensors["adversary"])
            load_optimizer(self.fairness.optimizer, tensors.get("adversary_optimizer", {}))
        self.contrastive.load(tensors.get("contrastive", {}))
        self.fairness.load(tensors.get("fairness", {}))
        self.watch.load(tensors["watch"])
        self.pace.resume(facts["seconds"])
        self.precision.load_state_dict(facts["scaler"])
        self.selector.records[:] = facts["validations"]
        own = f"{rank()}."
        set_random_state({k.removeprefix(own): v for k, v in tensors["random"].items() if k.startswith(own)})


def optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Moments and step counts by ``POSITION.NAME``; rates and decays are functions of configuration and step."""
    return {
        f"{i}.{name}": value
        for i, parameter in enumerate(_parameters(optimizer))
        for name, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Tensor]) -> None:
    """Go on from an :func:`optimizer_state`."""
    parameters = _parameters(optimizer)
    for key, value in state.items():
        position, name = key.split(".", 1)
        parameter = parameters[int(position)]
        if value.shape == parameter.shape and name != "step":
            # Fused updates walk through memory, so moments must lie as the weights do (channels last).
            value = torch.zeros_like(parameter, memory_format=torch.preserve_format).copy_(value)
        optimizer.state[parameter][name] = value.to(parameter.device)


def _parameters(optimizer: torch.optim.Optimizer) -> list[torch.nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


@dataclass
class Keeper:
    """Saves a run and finds where it goes on.

    Attributes:
        run: the run folder. identity: what a run must agree in with its checkpoints (see ``training.identity``).
        last: how many checkpoints are kept, the newest ones; the selector keeps the best towers.
        say: called with what the user should know.
    """

    run: Path
    identity: Mapping[str, Any] = field(default_factory=dict)
    last: int = 2
    resuming: bool = False
    say: Callable[[str], None] = lambda message: None
    saved: int | None = None

    def resume(self, parts: Parts) -> int:
        """Load the newest whole checkpoint, where the run goes on from one; returns the step to do next.

        Raises:
            DataError: there are checkpoints and none is whole; names the files.
        """
        if not self.resuming:
            return 0
        with together():
            path, damaged = newest_whole(self.run / FOLDER) if rank() == 0 else (None, [])
            if path is None and damaged:
                found = "; ".join(str(error) for error in damaged)
                raise DataError(f"{found}. No checkpoint is whole: start again with --force.")
        path = exchange(path)[0]
        for error in damaged:
            self.say(f"{error}. It is left out.")
        if path is None:
            self._cut_log(0)
            return 0
        with together():
            tensors, facts = read_checkpoint(path)
            parts.load(tensors, facts)
            self._cut_log(facts["log_bytes"])
        self.saved = facts["step"]
        self.say(f"going on after step {facts['step']}")
        return facts["step"]

    def _cut_log(self, size: int) -> None:
        """Lines that the run will write again are dropped."""
        log = self.run / LOG_FILE
        if rank() == 0 and log.exists() and log.stat().st_size > size:
            os.truncate(log, size)

    def save(self, done: int, parts: Parts) -> None:
        """Write a checkpoint after ``done`` steps, then drop the oldest. Raises TrainingError where that fails."""
        if self.saved == done:
            return
        tensors, facts = parts.tensors(), {**parts.facts(), "identity": self.identity}
        with together(), self.disk_errors(done):
            if rank() == 0:
                facts["log_bytes"] = _flushed_size(self.run / LOG_FILE)
                write_checkpoint(self.run / FOLDER, done, tensors, facts)
                drop_old(self.run / FOLDER, keep=self.last)
        self.saved = done
        parts.selector.drop_beaten()

    def disk_errors(self, done: int) -> "_DiskErrors":
        """Turns a disk that is full or read-only into a message that says what is safe."""
        return _DiskErrors(self.run, done, self.saved)


@dataclass
class _DiskErrors:
    run: Path
    done: int
    saved: int | None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            safe = (
                "No checkpoint was there before"
                if self.saved is None
                else f"The one of step {self.saved} is whole"
            )
            raise TrainingError(
                f"{self.run}: after step {self.done} nothing could be written ({error.strerror}). {safe}. "
                "Mend the disk and go on with --resume."
            ) from None


def _flushed_size(log: Path) -> int:
    """Size of the log, which is on the disk when this returns."""
    if not log.exists():
        return 0
    with log.open("rb") as file:
        os.fsync(file.fileno())
    sync_folder(log.parent)
    return log.stat().st_size
