"""The towers' optimiser and its learning-rate schedule."""

import math

import torch
from torch import nn


def make_optimizer(
    net: nn.Module, *, lr: float, weight_decay: float, text_lr_factor: float = 1.0
) -> torch.optim.AdamW:
    """Fused AdamW. Gains, biases, norms and the logit scale (fewer than two dimensions) are not decayed.

    Everything outside ``net.visual`` learns at ``text_lr_factor`` times the rate of the image tower.
    """
    groups: dict[tuple[bool, bool, type], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            # A fused update takes parameters in shards or whole ones, not both at once.
            kind = name.startswith("visual."), parameter.ndim >= 2, type(parameter.data)
            groups.setdefault(kind, []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": weight_decay if decayed else 0.0,
                "lr_factor": 1.0 if visual else text_lr_factor,
            }
            for (visual, decayed, _), parameters in groups.items()
        ],
        lr=lr,
        fused=True,
    )


def cosine_with_warmup(step: int, *, steps: int, warmup: int) -> float:
    """Factor on the learning rate: linear over ``warmup`` steps, then a half cosine to 0 at ``steps``."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def scheduled_lr(optimizer: torch.optim.Optimizer, step: int, *, steps: int, warmup: int, lr: float) -> float:
    """Set the learning rate of a step; returns that of the image tower."""
    value = lr * cosine_with_warmup(step, steps=steps, warmup=min(warmup, steps // 2))
    for group in optimizer.param_groups:
        group["lr"] = value * group["lr_factor"]
    return value
