"""Stop before an update that would spoil the weights."""

import torch
from torch import Tensor, nn

from adfair.errors import TrainingError


def check_finite(step: int, **terms: Tensor) -> None:
    """Raise TrainingError naming the first term that is NaN or infinite."""
    for name, value in terms.items():
        if not torch.isfinite(value):
            raise TrainingError(
                f"step {step}: the {name} term is {value.item()}; nothing was updated. "
                "Lower train.lr, or look at the images and reports of this batch."
            )


def check_gradients(step: int, net: nn.Module) -> None:
    """Raise TrainingError naming a parameter whose gradient is not finite."""
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    # One reduction for all: a single non-finite value makes the sum of norms non-finite.
    norms = torch._foreach_norm(gradients)
    if torch.isfinite(torch.stack(norms).sum()):
        return
    # Large finite gradients overflow the sum too, so each is now looked at.
    for name, parameter in net.named_parameters():
        if parameter.grad is not None and not torch.isfinite(parameter.grad).all():
            raise TrainingError(
                f"step {step}: the gradient of {name} is not finite; nothing was updated. Lower train.lr."
            )
