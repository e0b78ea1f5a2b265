"""TensorBoard beside ``log.jsonl``: the same figures, for who likes to watch curves."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from adfair.errors import MissingExtraError

FOLDER = "tensorboard"


def figures(entry: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a log entry with its name, nested names joined by ``/``; ``step`` and texts are left out."""
    for key, value in entry.items():
        if isinstance(value, Mapping):
            yield from figures(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and key != "step":
            yield f"{prefix}{key}", float(value)


class Board:
    """Writes every logged entry of a run to ``RUN/tensorboard``; ``tensorboard --logdir RUN`` shows it.

    Args:
        run: the run folder. It need not be there yet: the first entry makes the files.

    Raises:
        MissingExtraError: the extra ``track`` is not installed.
    """

    def __init__(self, run: Path) -> None:
        if find_spec("tensorboard") is None:
            raise MissingExtraError(
                "--tensorboard needs tensorboard: pip install '.[track]' in the folder of the project"
            )
        self.folder = run / FOLDER
        self.writer: Any = None

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Write one entry."""
        if self.writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # What an interrupted run wrote of the steps that are done again is hidden.
            self.writer = SummaryWriter(str(self.folder), purge_step=entry["step"])
        for name, value in figures(entry):
            self.writer.add_scalar(name, value, entry["step"])
        if "warning" in entry:
            self.writer.add_text("warning", f"{entry['warning']}: {entry['reason']}", entry["step"])

    def close(self) -> None:
        """Write what is still in memory."""
        if self.writer is not None:
            self.writer.close()
