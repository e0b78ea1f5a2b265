"""What all adapters share: towers that give features, and how films and texts get into them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from adfair.errors import ConfigError
from adfair.models.encoder import Square
from adfair.models.layers import Layer
from adfair.models.pixels import as_channels, normalise
from adfair.models.posthoc import PostHoc

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LARGEST_SIDE = 4096
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class Towers(nn.Module):
    """A published network: subclasses say how features come about."""

    def features(self, pixels: Tensor) -> Tensor:
        """[B, C], what the image tower holds before its last projection; or a map [B, C, H, W] that is averaged."""
        raise NotImplementedError

    def project(self, features: Tensor) -> Tensor:
        """Features -> [B, D], of any length; a classifier has no projection."""
        return features.mean((2, 3)) if features.ndim == 4 else features

    def text(self, texts: Sequence[str]) -> Tensor:
        """Texts -> [N, D], of any length. Raises ConfigError where there is no text tower."""
        raise ConfigError("this model has no text tower; choose linear_probe or leakage")

    def logits(self, features: Tensor) -> Tensor:
        """Features -> [B, K] logits of the classes."""
        raise ConfigError("this model has no classes of its own; ask it zero-shot")


@dataclass(frozen=True)
class Adapter:
    """A published model, ready to be asked; an ``Encoder``, whose words these are.

    Attributes:
        look: a batch of squares [B, S, S] in 0 to 255 -> what the tower takes, [B, 1 or 3, s, s].
    """

    name: str
    net: Towers
    square: Square
    look: Callable[[Tensor], Tensor]
    image_size: int
    fingerprint: str
    protocol: str = "ours"
    logit_scale: float = 1.0
    classes: tuple[str, ...] = ()
    posthoc: PostHoc | None = None
    fit: Literal["crop", "pad"] = "crop"  # not asked: every adapter has a ``square``

    def prepare(self, images: Tensor) -> Tensor:
        """Squares of grey levels -> numbers as the authors normalised them."""
        return self.look(images.to(torch.float32))

    def encode_image(self, pixels: Tensor, *, layer: Layer = "embedding") -> Tensor:
        """Unit-norm [B, D], or features [B, C]."""
        features = self.net.features(pixels)
        if layer == "embedding":
            return normalize(self.net.project(features), dim=-1)
        return features.mean((2, 3)) if features.ndim == 4 else features

    def class_scores(self, pixels: Tensor) -> Tensor:
        """Probability [B, K] of each class by itself (sigmoid)."""
        return self.net.logits(self.net.features(pixels)).sigmoid()

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Unit-norm [N, D]."""
        return normalize(self.net.text(list(texts)), dim=-1)

    def lookup(self, image_ids: Sequence[str]) -> None:
        """Nothing is known of an image before it is run."""


def scaled(mean: Sequence[float], std: Sequence[float]) -> Callable[[Tensor], Tensor]:
    """Levels 0 to 255 -> (x / 255 - mean) / std on three channels."""

    def look(grey: Tensor) -> Tensor:
        return normalise(as_channels(grey / 255.0), mean, std)

    return look


def check_side(pixels: Any, place: Path) -> int:
    """A side of squares that a stranger's settings ask for, 1 to 4096. Raises ConfigError: more would fill the memory."""
    if type(pixels) is not int or not 1 <= pixels <= LARGEST_SIDE:
        raise ConfigError(f"{place}: images of {pixels!r} pixels a side; expected 1 to {LARGEST_SIDE}")
    return pixels


def device_of(net: nn.Module) -> torch.device:
    """Where its weights are."""
    return next(net.parameters()).device
