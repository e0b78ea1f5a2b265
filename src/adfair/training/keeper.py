"""Saves a run and finds where it goes on."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adfair.data.staging import sync_folder
from adfair.distributed import exchange, rank, together
from adfair.errors import DataError, TrainingError
from adfair.models.dual_encoder import DualEncoder
from adfair.training.checkpoint import drop_old, newest_whole, read_checkpoint, write_checkpoint
from adfair.training.parts import Parts
from adfair.training.selection import Record, Selector

LOG_FILE, FOLDER = "log.jsonl", "checkpoints"


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

    def validate(self, selector: Selector, model: DualEncoder, done: int) -> Record | None:
        """What the selector finds after ``done`` steps. Raises TrainingError where it cannot keep the towers."""
        with together(), self.disk_errors(done):
            return selector.consider(model, step=done)

    def save(self, done: int, parts: Parts) -> None:
        """Write a checkpoint after ``done`` steps, then drop the oldest. Raises TrainingError where that fails."""
        if self.saved == done:
            return
        tensors, facts = parts.tensors(), {**parts.facts(), "identity": self.identity}
        with together(), self.disk_errors(done):
            if rank() == 0:
                facts["log_bytes"] = _flushed_size(self.run / LOG_FILE)
                write_checkpoint(self.run / FOLDER, done, tensors, facts)
                drop_old(self.run / FOLDER, written=done, keep=self.last)
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
