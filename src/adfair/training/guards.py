"""Stop before an update that would spoil the weights, in every process at the same step."""

import torch
from torch import Tensor, nn

from adfair.distributed import everywhere, highest
from adfair.errors import TrainingError
from adfair.training.sharding import local


def check_finite(step: int, **terms: Tensor) -> None:
    """Raise TrainingError naming the first term that is NaN or infinite, in this process or in any other."""
    bad = [not torch.isfinite(value) for value in terms.values()]
    # Counted from the end, so that the highest number of all processes is the first term.
    found = highest(next((len(bad) - i for i, flag in enumerate(bad) if flag), 0))
    if not found:
        return
    name = list(terms)[len(bad) - found]
    what = f"is {terms[name].item()}" if bad[len(bad) - found] else "is not finite in another process"
    raise everywhere(
        TrainingError(
            f"step {step}: the {name} term {what}; nothing was updated. "
            "Lower train.lr, or look at the images and reports of this batch."
        )
    )


def check_gradients(step: int, net: nn.Module) -> None:
    """Raise TrainingError naming a parameter whose gradient is not finite, in this process or in any other."""
    names = [name for name, parameter in net.named_parameters() if parameter.grad is not None]
    found = highest(len(names) - _first_bad([local(p.grad) for p in net.parameters() if p.grad is not None]))
    if found:
        name = names[len(names) - found]
        raise everywhere(
            TrainingError(
                f"step {step}: the gradient of {name} is not finite; nothing was updated. Lower train.lr."
            )
        )


def _first_bad(gradients: list[Tensor]) -> int:
    """Position of the first gradient that is not finite; their number where all are."""
    # One reduction for all: a single non-finite value makes the sum of norms non-finite.
    norms = torch._foreach_norm(gradients)
    if torch.isfinite(torch.stack(norms).sum()):
        return len(gradients)
    # Large finite gradients overflow the sum too, so each is now looked at.
    return next((i for i, g in enumerate(gradients) if not torch.isfinite(g).all()), len(gradients))
