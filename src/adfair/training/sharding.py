"""Towers in shards: each process keeps a part of every weight, of its gradient and of its moments (FSDP).

A block's weights are put together when the block runs and taken apart again after it, so that towers train which do not
fit one device. What is computed is the same. Source: Zhao et al. 2023, "PyTorch FSDP"; PyTorch's ``fully_shard``.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(net: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Take the weights of open_clip towers apart, in place, over the processes of ``mesh['data_parallel']``.

    The temperature and SigLIP's bias stay whole: every process has their whole gradient (see ``distributed.gather``).
    """
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    mesh = mesh["data_parallel"]
    for parameter in net.parameters():
        # A shard is a run of memory, so channels come first here.
        parameter.data = parameter.data.contiguous()
    for block in _blocks(net):
        fully_shard(block, mesh=mesh)
    fully_shard(net, mesh=mesh, ignored_params={p for p in net.parameters() if p.ndim == 0})
    for name in ("encode_image", "encode_text"):
        register_fsdp_forward_method(net, name)
    return net


def _blocks(net: nn.Module) -> Iterator[nn.Module]:
    """The modules that a tower is a row of: transformer blocks, or the blocks of a ResNet's stages."""
    for row in net.modules():
        if isinstance(row, nn.ModuleList | nn.Sequential):
            yield from (b for b in row if list(b.children()) and next(b.parameters(), None) is not None)


def local(tensor: Tensor) -> Tensor:
    """The part of this process; all of a tensor that is not in shards."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor, on the processor's memory where it was in shards; every process must call it."""
    return tensor.full_tensor().cpu() if isinstance(tensor, DTensor) else tensor


def whole_state(net: nn.Module) -> dict[str, Tensor]:
    """``state_dict`` of whole tensors; every process must call it."""
    return {name: whole(value.detach()) for name, value in net.state_dict().items()}


@torch.no_grad()
def load_whole(net: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a :func:`whole_state`; every process must call it with the same tensors."""
    own = net.state_dict()
    assert own.keys() == state.keys()
    for name, value in own.items():
        value.copy_(like(state[name], value))


def like(value: Tensor, target: Tensor) -> Tensor:
    """A whole tensor on the device of another, in shards where that is."""
    value = value.to(target.device)
    if not isinstance(target, DTensor):
        return value
    return distribute_tensor(value, target.device_mesh, target.placements, src_data_rank=None)
