"""The towers' optimiser and its learning-rate schedule."""

import math
from collections.abc import Iterable

import torch
from torch import nn


def make_optimizer(
    parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float
) -> torch.optim.AdamW:
    """Fused AdamW. Gains, biases, norms and the logit scale (fewer than two dimensions) are not decayed."""
    trainable = [p for p in parameters if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, fused=True)


def cosine_with_warmup(step: int, *, steps: int, warmup: int) -> float:
    """Factor on the learning rate: linear over ``warmup`` steps, then a half cosine to 0 at ``steps``."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def scheduled_lr(optimizer: torch.optim.Optimizer, step: int, *, steps: int, warmup: int, lr: float) -> float:
    """Set and return the learning rate of a step."""
    value = lr * cosine_with_warmup(step, steps=steps, warmup=min(warmup, steps // 2))
    for group in optimizer.param_groups:
        group["lr"] = value
    return value
