"""In which numbers a tower runs: float32 by default, bfloat16 weights where asked for and worth it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from adfair.errors import ConfigError

Precision = Literal["fp32", "bf16", "auto"]

LARGE = 20_000_000
"""Parameters from which ``auto`` takes bfloat16 (our choice): a tiny tower gains nothing from it.

The default is float32 all the same, so that figures do not depend on the processor they were computed on.
"""

# Instructions that multiply bfloat16; without them a processor emulates it, several times slower than float32.
_FLAGS = {"avx512_bf16", "amx_bf16"}
_KEPT = (nn.modules.batchnorm._BatchNorm,)


def as_precision(name: str) -> Precision:
    """Check a name. Raises ConfigError."""
    for known in get_args(Precision):
        if name == known:
            return known
    raise ConfigError(f"precision '{name}': choose one of {', '.join(get_args(Precision))}")


@cache
def fast_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this processor multiplies bfloat16 by itself; False where that cannot be told."""
    if not cpuinfo.is_file():
        return False
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return bool(_FLAGS & set(flags))


def choose_dtype(precision: Precision, net: nn.Module) -> torch.dtype:
    """The numbers that a model's weights are to be in."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bf16" else torch.float32
    first = next(net.parameters(), None)
    if first is None or sum(p.numel() for p in net.parameters()) < LARGE:
        return torch.float32
    quick = torch.cuda.is_bf16_supported() if first.is_cuda else fast_bf16()
    return torch.bfloat16 if quick else torch.float32


@contextmanager
def lowered(net: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """Weights of ``net`` as ``dtype`` inside the block, the very same tensors as before after it.

    Weights, not autocast, which converts them anew in every call: on a CPU that is slower than float32. Batch
    normalisation keeps float32, since its running statistics have no bits to spare.
    """
    if dtype == torch.float32:
        yield
        return
    kept: list[tuple[Tensor, Tensor]] = []
    for module in net.modules():
        if isinstance(module, _KEPT):
            continue
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if tensor.dtype == torch.float32:
                kept.append((tensor, tensor.data))
                tensor.data = tensor.data.to(dtype)
    try:
        yield
    finally:
        for tensor, data in kept:
            tensor.data = data
