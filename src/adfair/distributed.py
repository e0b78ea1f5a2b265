"""Processes that train together: which one this is, and what passes between them.

Every process sends its share of a batch through the towers; the embeddings of all are then gathered, and each process
works out the same loss on the whole batch. Contrastive negatives, fairness terms and adversaries therefore see exactly
what one process alone would see. Without other processes everything here does nothing.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from adfair.errors import AdfairError, TrainingError

_FAILED, _GRACE = "adfair/failed", 3.0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0; before they have met, what the launcher says."""
    if dist.is_initialized():
        return dist.get_rank()
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))


def share(n: int, *, of: int | None = None) -> slice:
    """The rows of this process (or of process ``of``) in a batch of n: blocks in order, sizes one apart at most."""
    place, world = rank() if of is None else of, world_size()
    if world == 1:
        return slice(0, n)
    each, more = divmod(n, world)
    start = place * each + min(place, more)
    return slice(start, start + each + (place < more))


class _Gather(torch.autograd.Function):
    """All rows of every process; backwards its own part of the gradient.

    Each process holds the whole loss, so its part of the gradient is complete. The engine averages the towers'
    gradients over processes where a sum is due; the factor makes up for it. Scalars need none: every process has
    their whole gradient. All outputs pass through here, also those that a loss leaves out: the engine waits for each.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, n: int, *outputs: Tensor) -> tuple[Tensor, ...]:
        ctx.n = n  # type: ignore[attr-defined]
        return tuple(_all_rows(x, n) if x.ndim == 2 else x.clone() for x in outputs)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        mine = share(ctx.n)  # type: ignore[attr-defined]
        return None, *(world_size() * g[mine] if g.ndim == 2 else g for g in grads)


def _all_rows(x: Tensor, n: int) -> Tensor:
    # Shares may differ by a row, and a collective wants them alike.
    padded = x.new_zeros(-(-n // world_size()), *x.shape[1:])
    padded[: len(x)] = x
    parts = [torch.empty_like(padded) for _ in range(world_size())]
    dist.all_gather(parts, padded)
    sizes = [share(n, of=r) for r in range(world_size())]
    return torch.cat([part[: s.stop - s.start] for part, s in zip(parts, sizes, strict=True)])


def gather(outputs: Sequence[Tensor], n: int) -> Sequence[Tensor]:
    """What the towers return for this process's share of a batch -> what they would return for all n rows.

    Args:
        outputs: ``image_emb`` and ``text_emb`` [share, D], scalars after them.
        n: rows of the batch.

    Returns:
        The same, embeddings [n, D] in the batch's order. The gradient that reaches the towers, averaged over
        processes, is that of one process on the whole batch.
    """
    return outputs if world_size() == 1 else _Gather.apply(n, *outputs)


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        return _summed(x)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> Tensor:
        return _summed(grads[0])


def _summed(x: Tensor) -> Tensor:
    x = x.contiguous().clone()
    dist.all_reduce(x)
    return x


def total(x: Tensor) -> Tensor:
    """The sum of ``x`` over processes, with the gradient that it has inside a graph shared by all of them."""
    return x if world_size() == 1 else _Total.apply(x)


def highest(value: int) -> int:
    """The largest value that any process brings."""
    if world_size() == 1:
        return value
    device = "cpu" if dist.get_backend() == "gloo" else torch.device("cuda", torch.cuda.current_device())
    found = torch.tensor(value, device=device)
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return int(found)


def anywhere(happened: bool) -> bool:
    """Whether it happened in any process."""
    return bool(highest(int(happened)))


def exchange(value: Any) -> list[Any]:
    """What every process brings, in their order."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


@torch.no_grad()
def keep_in_step(module: torch.nn.Module) -> None:
    """Give every process the first one's weights and buffers of a module that all train alike.

    They are alike already where all do the same arithmetic; cards of different make may differ in the last bit.
    """
    if world_size() == 1:
        return
    # Not a set: its order differs between processes.
    for dtype in dict.fromkeys(t.dtype for t in module.state_dict().values()):
        tensors = [t for t in module.state_dict().values() if t.dtype == dtype]
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.broadcast(flat, src=0)
        for t, new in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            t.copy_(new.view_as(t))


def everywhere(error: AdfairError) -> AdfairError:
    """Mark an error that every process raises at the same place, so that nobody needs to be told."""
    error.everywhere = True
    return error


@contextmanager
def together() -> Iterator[None]:
    """Work without exchange between processes: an error in any of them ends this block in all.

    Raises:
        TrainingError: in the processes that had none, with the reason of the one that had. Of our own errors that is
            the message, of others the kind alone, since messages can quote data.
    """
    failure: Exception | None = None
    try:
        yield
    except Exception as error:
        failure = error
    reasons = exchange(None if failure is None else _reason(failure))
    if isinstance(failure, AdfairError):
        raise everywhere(failure)
    if failure is not None:
        raise failure
    for place, reason in enumerate(reasons):
        if reason is not None:
            raise everywhere(TrainingError(f"process {place} stopped: {reason}"))


def _reason(error: BaseException) -> str:
    if isinstance(error, AdfairError):
        return str(error)
    return (
        "it was stopped"
        if isinstance(error, KeyboardInterrupt)
        else f"internal error ({type(error).__name__})"
    )


@contextmanager
def ending_together(stop_others: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Everything else: when one process fails between exchanges, the others end with its reason instead of waiting.

    Args:
        stop_others: ends processes that this one has started, for those that cannot notice.

    Raises:
        TrainingError: in the others.
    """
    try:
        yield
    except BaseException as error:
        if world_size() > 1 and not getattr(error, "everywhere", False):
            _tell_or_be_told(error, stop_others)
        raise


def _tell_or_be_told(error: BaseException, stop_others: Callable[[], None]) -> None:
    place, store = rank(), dist.distributed_c10d._get_default_store()
    told = _heard(store)
    if told is None and _lost_contact(error):
        told = "another process of this run ended without a word; was it killed, or out of memory?"
    if told is None:
        store.set(_FAILED, f"process {place} stopped: {_reason(error)}")
    dist.destroy_process_group()  # wakes those that wait for this one
    if told is not None:
        raise everywhere(TrainingError(told)) from None
    time.sleep(_GRACE)  # the first process keeps the notice board: the others read it now
    stop_others()


def _heard(store: dist.Store) -> str | None:
    try:
        return store.get(_FAILED).decode() if store.check([_FAILED]) else None
    except RuntimeError:
        return None  # the board went with the first process


def _lost_contact(error: BaseException) -> bool:
    lost = "gloo" in str(error) or "Connection" in str(error) or "NCCL" in str(error)
    return isinstance(error, RuntimeError) and lost
