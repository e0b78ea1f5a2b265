"""What an image tower holds at the end, and just before its last projection."""

from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from adfair.errors import ConfigError

Layer = Literal["embedding", "pre_projection"]


def as_layer(name: str) -> Layer:
    """Check a name. Raises ConfigError."""
    if name not in ("embedding", "pre_projection"):
        raise ConfigError(f"layer '{name}': choose embedding or pre_projection")
    return cast(Layer, name)


def read_layer(net: Any, images: Tensor, layer: Layer) -> Tensor:
    """Unit-norm embeddings [B, D], or the features [B, C] that the last projection gets.

    Args:
        net: open_clip's ``CLIP`` or ``CustomTextCLIP``. images: as its image tower takes them.

    Raises:
        ConfigError: an image tower whose last projection we do not know.
    """
    if layer == "embedding":
        return net.encode_image(images, normalize=True)
    tower = net.visual
    if hasattr(tower, "attnpool"):  # ModifiedResNet: the map that attention pools, averaged
        return _caught(tower, tower.attnpool, images, entering=True).mean((2, 3))
    if hasattr(tower, "trunk"):  # timm
        return _caught(tower, tower.trunk, images, entering=False)
    if isinstance(getattr(tower, "proj", None), Tensor):  # VisionTransformer
        projection, tower.proj = tower.proj, None
        try:
            return tower(images)
        finally:
            tower.proj = projection
    raise ConfigError(f"layer: pre_projection is not known for image towers of type {type(tower).__name__}")


def _caught(tower: nn.Module, module: nn.Module, images: Tensor, *, entering: bool) -> Tensor:
    seen: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(inputs[0] if entering else output)

    handle = module.register_forward_hook(keep)
    try:
        tower(images)
    finally:
        handle.remove()
    return torch.flatten(seen[0], 1) if seen[0].ndim == 3 else seen[0]
