"""Batch normalisation over the batch of all processes, on any device (torch's own needs a GPU)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from adfair.distributed import total, world_size
from adfair.errors import ConfigError

_same_everywhere = False


@contextmanager
def same_rows_everywhere() -> Iterator[None]:
    """Inside, every process sees the whole batch, so its own statistics are everybody's."""
    global _same_everywhere
    _same_everywhere = True
    try:
        yield
    finally:
        _same_everywhere = False


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` whose statistics are those of the rows of all processes together."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalised [B, C, H, W]; running statistics as one process on the whole batch would have them."""
        if not self.training or world_size() == 1 or _same_everywhere:
            return super().forward(input)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        # In single precision whatever the input's: half precision can neither count the pixels nor add them up.
        whole = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        n = total(whole.new_tensor(input.numel() / input.shape[1])).detach()
        mean = total(whole.sum((0, 2, 3))) / n
        centred = whole - mean[:, None, None]
        variance = total(centred.square().sum((0, 2, 3))) / n
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_((variance * n / (n - 1)).to(self.running_var), self.momentum)
        gain = (variance + self.eps).rsqrt() * self.weight
        return (centred * gain[:, None, None] + self.bias[:, None, None]).to(input.dtype)


def globalise_batch_norm(net: nn.Module) -> None:
    """Make every batch normalisation of a net a :class:`GlobalBatchNorm2d`, in place, where several processes train.

    Raises:
        ConfigError: a kind of batch normalisation that we do not know; each process would have its own statistics.
    """
    if world_size() == 1:
        return
    for name, module in net.named_modules():
        if type(module) is nn.BatchNorm2d and module.affine and module.momentum is not None:
            module.__class__ = GlobalBatchNorm2d
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and not isinstance(
            module, GlobalBatchNorm2d
        ):
            raise ConfigError(
                f"model.config: '{name}' is a {type(module).__name__}, which cannot share its statistics between "
                "processes; train on one device, or choose towers without it"
            )
