"""The latest state of a run, written whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from adfair.data.staging import replace_file


def save_checkpoint(
    run: Path, step: int, states: Mapping[str, Mapping[str, Tensor]], **modules: torch.nn.Module | None
) -> Path:
    """Write ``checkpoints/last.safetensors``: states and weights of modules, each under its name; ``step`` is done."""
    weights = {
        f"{name}.{key}": value.contiguous() for name, state in states.items() for key, value in state.items()
    }
    weights |= {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, module in modules.items()
        if module is not None
        for key, value in module.state_dict().items()
    }
    path = run / "checkpoints" / "last.safetensors"
    path.parent.mkdir(exist_ok=True)
    replace_file(path, save(weights, metadata={"step": str(step)}))
    return path
