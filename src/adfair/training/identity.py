"""What must not change between a run and its resumption: the configuration, the cohort and the number of processes."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from adfair.config import Config
from adfair.data.loader import TrainData
from adfair.data.manifest import Cohort
from adfair.distributed import world_size
from adfair.errors import ConfigError

FREE = ("data.cohort", "train.keep_last")
"""Keys that may change: a cohort is known by what it holds, not by where it lies."""


_ROWS = 4096


def identity(config: Config, cohort: Cohort, data: TrainData) -> dict[str, Any]:
    """What checkpoints are marked with: hashes and the configuration, no rows.

    The hash of the data covers every pixel and token, so it takes a second or so for each gigabyte of images.
    """
    return {
        "config": config.model_dump(mode="json"),
        "cohort": {
            "name": cohort.info.name,
            "manifest_sha256": cohort.info.manifest_sha256,
            "data_sha256": data_hash(data),
        },
        "processes": world_size(),
        "towers": config_hash(config.model.config),
    }


def config_hash(name: str) -> str | None:
    """SHA-256 of the JSON file that describes the towers; ``None`` for towers known by a name."""
    path = Path(name)
    if not (name.endswith(".json") and path.is_file()):
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()


def data_hash(data: TrainData) -> str:
    """SHA-256 of everything that training reads from the cohort."""
    digest = hashlib.sha256(data.index.encode())
    digest.update(str((len(data), *data.images.shape[1:])).encode())
    for start in range(0, len(data), _ROWS):
        # A part at a time: cached images need not fit into memory.
        digest.update(data.images[torch.arange(start, min(start + _ROWS, len(data)))].numpy().data)
    arrays: list[Tensor | None] = [data.tokens, data.findings, data.weights]
    if data.sentences is not None:
        arrays += [data.sentences.tokens, torch.from_numpy(data.sentences.members)]
    arrays += [values for pair in data.prompt_tokens for values in pair]
    arrays += [data.codes[name] for name in sorted(data.codes)]
    for array in arrays:
        if array is not None:
            digest.update(str(tuple(array.shape)).encode())
            digest.update(np.ascontiguousarray(array.numpy()).data)
    if data.probabilities is not None:
        digest.update(data.probabilities.tobytes())
    if data.shards is not None:
        digest.update(b"resampled from shards")  # another order of batches
    return digest.hexdigest()


def differences(then: Mapping[str, Any], now: Mapping[str, Any], *, prefix: str = "") -> list[str]:
    """``KEY: then THIS, now THAT`` for every key that differs, nested keys joined by points."""
    lines = []
    for key in dict.fromkeys([*then, *now]):
        name, a, b = f"{prefix}{key}", then.get(key, "absent"), now.get(key, "absent")
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differences(a, b, prefix=f"{name}.")
        elif a != b and name not in FREE:
            lines.append(f"{name}: then {_short(a)}, now {_short(b)}")
    return lines


def _short(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True).removesuffix("\n...\n").strip()
    return f"{text[:12]}..." if len(text) == 64 else text


def require_same(then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with another configuration, cohort or number of processes.

    Raises:
        ConfigError: has a line for each difference.
    """
    lines = differences(then["config"], now["config"])
    for key in ("cohort", "processes", "towers"):
        lines += differences({key: then.get(key)}, {key: now[key]})
    if lines:
        if any(line.startswith("cohort.") for line in lines):
            lines.append(
                "(a balanced set drawn since has its patients taken out of training: adfair balance)"
            )
        shown = "\n  ".join(lines)
        raise ConfigError(
            f"--resume: this is not the run that was started:\n  {shown}\n"
            "Give it the same again, or start another run with another --out (or --force)."
        )
