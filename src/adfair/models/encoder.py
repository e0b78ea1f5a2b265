"""What evaluation asks of a model, whoever trained it."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import numpy as np
from torch import Tensor, nn

from adfair.models.layers import Layer
from adfair.models.posthoc import PostHoc

Square = Callable[[np.ndarray], np.ndarray]
"""uint8 [H, W] at the film's own resolution -> [S, S] in 0 to 255: what preprocessing does to one film alone.

uint8 where whole grey levels suffice, so that it can be cached; float32 where a model resized fractions.
"""


class Encoder(Protocol):
    """Towers with everything that is needed to feed them; ``DualEncoder`` and every adapter are encoders.

    An image goes ``square`` (once, on the CPU) -> ``prepare`` (a batch, on the device) ->
    ``encode_image``. A text goes through ``encode_text`` alone.
    """

    @property
    def name(self) -> str:
        """What results call it: ``adfair`` for our runs, else the adapter's name."""

    @property
    def net(self) -> nn.Module:
        """Holds every weight: for ``eval()``, the device, and lower precision."""

    @property
    def image_size(self) -> int:
        """Side S of the squares that ``prepare`` takes; not always the side that the tower sees."""

    @property
    def square(self) -> Square | None:
        """The model's own geometry; ``None``: the central square, bicubic, as cohorts are read for our runs."""

    @property
    def fit(self) -> Literal["crop", "pad"]:
        """Without a ``square``: what is taken of an image that is not square, its middle or all of it on black."""

    @property
    def protocol(self) -> str:
        """Zero-shot protocol of its authors: ours, chexzero, gloria, medclip, cxr_clip or biovil."""

    @property
    def logit_scale(self) -> float:
        """1 / temperature that similarities are multiplied by; 1 where the model has none."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Findings that a classifier scores by itself, in the order of ``class_scores``; empty for a dual encoder."""

    @property
    def posthoc(self) -> PostHoc | None:
        """A correction that image embeddings pass through afterwards; ``encode_image`` does not apply it."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of every file that the model was read from: which model this is, whatever its path."""

    def prepare(self, images: Tensor) -> Tensor:
        """Grey [B, S, S] as ``square`` gives it -> float32 [B, 3, s, s] as ``encode_image`` takes it, on its device."""

    def encode_image(self, pixels: Tensor, *, layer: Layer = "embedding") -> Tensor:
        """Unit-norm [B, D]; or with ``pre_projection`` what the tower holds before its last projection, [B, C]."""

    def class_scores(self, pixels: Tensor) -> Tensor:
        """Scores [B, K] of ``classes``; any real numbers, larger is likelier."""

    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Unit-norm [N, D], tokenized here. Raises ConfigError where the model has no text tower."""

    def lookup(self, image_ids: Sequence[str]) -> np.ndarray | None:
        """Embeddings [N, D] that exist already, and ``None`` for a model that has to be run.

        Raises:
            DataError: names the first image without one.
        """
