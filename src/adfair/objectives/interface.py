"""What objectives see and what they return: the one interface behind every file of this package."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


def defended(target: str) -> tuple[str, ...]:
    """The embeddings that ``objective.target`` names: ``image``, ``text``, or both."""
    return ("image", "text") if target == "both" else (target,)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One batch after the towers.

    Attributes:
        image_emb, text_emb: [B, D], unit-norm rows; row i of one pairs with row i of the other.
        logit_scale: positive scalar, 1 / temperature. logit_bias: scalar, SigLIP's; else ``None``.
        codes: per sensitive attribute [B]: int64 group codes, -1 unknown; or, for a continuous attribute, float32
            standardised values, NaN unknown.
        rows: int64 [B], the images' positions in the training split.
        findings: float32 [B, F], 1 where the report states a finding and else 0.
        weights: float32 [B], what each pair weighs (mean 1 over the split); ``None`` where all weigh the same.
        step: of training, from 0.
    """

    image_emb: Tensor
    text_emb: Tensor
    logit_scale: Tensor
    codes: Mapping[str, Tensor]
    rows: Tensor
    findings: Tensor
    step: int = 0
    logit_bias: Tensor | None = None
    weights: Tensor | None = None


class Pairing(NamedTuple):
    """A contrastive loss: its (weighted) mean over the batch, a scalar, and the loss of every pair, [B].

    ``chance``, where the loss of pairs is InfoNCE, is what guessing among each anchor's candidates would cost.
    """

    loss: Tensor
    per_pair: Tensor
    chance: float | None = None


class Contrastive(Protocol):
    """Pulls each image and its report together. Stateless ones have an empty ``state``."""

    def __call__(self, batch: Batch) -> Pairing:
        """The loss of a batch, with gradients."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold besides the towers."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state()``."""
        ...


class Stateless:
    """A contrastive loss that remembers nothing from batch to batch."""

    def state(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing."""


class FairnessTerm(Protocol):
    """Keeps groups out of the embeddings, or their losses alike.

    Attributes:
        adversary, optimizer: the module that a checkpoint keeps, and what trains it, or ``None``.
        diagnostics: of the last batch, by name and head; read only where a step is logged.
    """

    adversary: torch.nn.Module | None
    optimizer: torch.optim.Optimizer | None

    @property
    def diagnostics(self) -> dict[str, dict[str, float]]: ...

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold besides the towers and the adversary."""
        ...

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state()``."""
        ...

    def weight(self, step: int) -> float:
        """What the penalty weighs at a step."""
        ...

    def fit(self, batch: Batch) -> None:
        """Train what must catch up with the embeddings before they are judged; the towers stand still."""
        ...

    def penalty(self, batch: Batch, pairing: Pairing, weight: float) -> Tensor:
        """What the towers' loss gains, a scalar; exactly zero, and no gradient, at weight 0."""
        ...

    def finish(self) -> None:
        """After the joint backward pass and the towers' update."""
        ...
