"""Our own runs, and what ``adfair erase`` and ``adfair adapt`` write."""

import hashlib
from dataclasses import replace
from pathlib import Path

from adfair.errors import DataError
from adfair.models.dual_encoder import CONFIG_FILE, DualEncoder, load_model, weights_hash
from adfair.models.posthoc import WEIGHTS_FILE as POSTHOC_FILE


def model_folder(model: Path | str) -> Path:
    """The open_clip folder of MODEL: itself, or ``model/`` of a run folder."""
    folder = Path(str(model).removeprefix("local-dir:"))
    if (folder / "config.yaml").is_file() and not (folder / "model").is_dir():
        raise DataError.at(
            "the run has no model/: training did not finish", file=folder, remedy="Train it again."
        )
    return folder / "model" if (folder / "model").is_dir() else folder


def load(path: Path) -> DualEncoder:
    """Load a run, its correction included. Raises ConfigError, DataError."""
    folder = model_folder(path)
    model = load_model(folder)
    parts = [weights_hash(folder), (folder / CONFIG_FILE).read_text()]
    if model.posthoc is not None:
        parts.append(hashlib.sha256((folder / POSTHOC_FILE).read_bytes()).hexdigest())
    return replace(model, fingerprint=hashlib.sha256("\n".join(parts).encode()).hexdigest())
