"""Ways of running the same towers with less time or memory. Where one does not work the run goes on and says so."""

from collections.abc import Callable
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from adfair.models.dual_encoder import DualEncoder
from adfair.training.towers import batch_statistics

Say = Callable[[str], None]


def checkpoint_activations(net: nn.Module, say: Say) -> None:
    """Have transformer blocks compute their activations again backwards, where the towers can."""
    net.set_grad_checkpointing(True)  # type: ignore[operator]
    switches = ("grad_checkpointing", "gradient_checkpointing")
    visual = net.visual
    if not any(getattr(module, name, False) for module in visual.modules() for name in switches):  # type: ignore[union-attr]
        say(f"train.checkpoint_activations: no effect on an image tower of type {type(visual).__name__}")


def compiled(model: DualEncoder, fabric: Fabric, images: Tensor, tokens: Tensor, say: Say) -> nn.Module:
    """The towers through ``torch.compile``, tried on a few rows; where that fails, the towers as they are.

    Args:
        images, tokens: at least two rows, as training takes them. The towers' state is left as it was.
    """
    net = fabric.to_device(model.net)
    statistics = [(buffer, buffer.clone()) for buffer in batch_statistics(net)]
    try:
        with torch.random.fork_rng(), fabric.autocast():
            found: Any = torch.compile(net)
            image_emb, text_emb = found(model.prepare(images.to(fabric.device)), tokens.to(fabric.device))[:2]
            (image_emb.sum() + text_emb.sum()).backward()
    except Exception as error:  # what a compiler can raise is not a closed list
        say(f"train.compile: torch.compile failed ({type(error).__name__}); training goes on without it")
        found = net
    for buffer, before in statistics:
        buffer.copy_(before)
    net.zero_grad(set_to_none=True)
    return found
