"""How much memory a run will need, by looking at a few images instead of training."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from adfair.config import Config
from adfair.models.dual_encoder import DualEncoder
from adfair.objectives.chunked import tile_size

_PROBE = (2, 4)


@dataclass(frozen=True)
class Memory:
    """Bytes on one device: ``weights`` with their gradients and both moments; ``activations`` that the backward pass
    needs of what passes the towers at a time; ``loss``, the logits that are held at once and their gradients."""

    weights: int
    activations: int
    loss: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.activations + self.loss


def estimate_memory(model: DualEncoder, config: Config) -> Memory:
    """What a training step holds at its peak; without the engine's own buffers, which add some hundred MB on a GPU.

    Activations grow with the images that pass at a time, so two small batches tell the rest. Tensors that the
    backward pass keeps are counted once however often it needs them. 32-bit figures; half precision needs less. Of
    sharded towers the block that runs is whole for a moment, which is not counted.
    """
    train, batch = config.train, config.data.batch_size
    processes = train.devices * train.nodes
    share = -(-batch // processes)
    at_once = min(share, config.data.micro_batch_size or share)
    few, more = (_saved_bytes(model, n) for n in _PROBE)
    each = (more - few) / (_PROBE[1] - _PROBE[0])
    weights = sum(
        p.numel() * p.element_size() * (4 if p.requires_grad else 1) for p in model.net.parameters()
    )
    if train.strategy == "fsdp":
        weights = -(-weights // processes)
    return Memory(weights, int(few + each * (at_once - _PROBE[0])), 4 * 4 * _logits(config))


def _logits(config: Config) -> int:
    """How many are held at once: all of them, a square tile, or, where rows and columns differ, a strip."""
    batch, aim = config.data.batch_size, config.objective
    tile = min(tile_size(batch, aim.chunk) or batch, batch)
    return tile * (tile if aim.negatives == "all" and aim.contrastive != "fastclip" else batch)


def _saved_bytes(model: DualEncoder, n: int) -> int:
    """Bytes that the backward pass would need of ``n`` images and reports, weights left out."""
    own = {p.untyped_storage().data_ptr() for p in model.net.parameters()}
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            seen[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor)  # so that no address is used twice
        return tensor

    kept: list[Tensor] = []
    modes = {module: module.training for module in model.net.modules()}
    model.net.train()
    frozen = _statistics(model.net)
    images = model.prepare(torch.zeros((n, model.image_size, model.image_size), dtype=torch.uint8))
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        model.net(images, model.tokenize(["Chest radiograph."] * n))
    for module, mode in modes.items():
        module.training = mode
    for name, value in frozen.items():
        model.net.get_buffer(name).copy_(value)
    return sum(seen.values())


def _statistics(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.named_buffers()}
