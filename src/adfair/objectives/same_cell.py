"""Cell-masked contrastive losses: an anchor's negatives are patients of its own intersection of groups.

With negatives from everywhere, telling the groups apart helps to tell the pairs apart, and the towers are paid for
reading race and sex. Where all candidates share the anchor's groups, they are not. Source: Tsai et al. 2021,
"Conditional Contrastive Learning for Improving Fairness in Self-Supervised Learning"; for image-text pairs, the
intersections and the fallback are our choice.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.objectives.contrastive import weighted_mean
from adfair.objectives.interface import Batch, Pairing

FEWEST = 4
"""Rows of a cell in a batch, the anchor with them, from which the mask holds (our choice): below, an anchor has next
to no negatives left, and keeps all of them."""


def cell_mask(codes: Mapping[str, Tensor], *, fewest: int = FEWEST) -> Tensor:
    """Which candidates each anchor is told from: bool [B, B], row = anchor, its own pair always included.

    Args:
        codes: per sensitive attribute [B], -1 unknown; continuous ones (floating point) are passed over.
        fewest: anchors of cells with fewer rows in the batch keep all candidates, as do anchors of unknown group.
    """
    table = torch.stack([values for values in codes.values() if not values.is_floating_point()], dim=1)
    known = (table >= 0).all(dim=1)
    same = (table[:, None] == table[None]).all(dim=2) & known
    free = ~known | (same.sum(dim=1) < fewest)
    return same | free[:, None]


def masked_infonce_per_pair(
    image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """InfoNCE of every pair over the candidates that a mask allows, and what guessing would cost.

    Args:
        image_emb, text_emb: [B, D], unit-norm rows; row i pairs with row i.
        logit_scale: positive scalar.
        mask: bool [B, B], see :func:`cell_mask`; serves images looking for texts and texts looking for images.

    Returns:
        Losses [B] in nats, and the logarithm of each anchor's number of candidates [B].
    """
    logits = logit_scale * image_emb @ text_emb.T
    pairs = torch.arange(len(logits), device=logits.device)
    parts = [
        F.cross_entropy(scores.masked_fill(~mask, -torch.inf), pairs, reduction="none")
        for scores in (logits, logits.T)
    ]
    return 0.5 * (parts[0] + parts[1]), mask.sum(dim=1).to(logits.dtype).log()


def masked_siglip_per_pair(
    image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor, logit_bias: Tensor, mask: Tensor
) -> Tensor:
    """SigLIP's losses of every pair, [B] nats, over the candidates that a mask allows.

    An anchor's negatives are weighted so that they count for as much as all B - 1 would (our choice: without it
    the bias that was set for a whole batch would meet too few negatives).
    """
    logits = logit_scale * image_emb @ text_emb.T + logit_bias
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    others = (mask & ~own).to(logits.dtype)
    others = others * ((len(logits) - 1) / others.sum(dim=1, keepdim=True).clamp(min=1))
    parts = [(F.softplus(scores) * others).sum(dim=1) for scores in (logits, logits.T)]
    return F.softplus(-logits.diagonal()) + 0.5 * (parts[0] + parts[1])


class SameCellInfoNCE:
    """``contrastive: infonce`` with ``negatives: same_cell``."""

    def __call__(self, batch: Batch) -> Pairing:
        """See :func:`masked_infonce_per_pair`."""
        per_pair, chance = masked_infonce_per_pair(
            batch.image_emb, batch.text_emb, batch.logit_scale, cell_mask(batch.codes)
        )
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair, chance.mean().item())

    def state(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing."""


class SameCellSigLIP:
    """``contrastive: siglip`` with ``negatives: same_cell``."""

    def __call__(self, batch: Batch) -> Pairing:
        """See :func:`masked_siglip_per_pair`."""
        assert batch.logit_bias is not None, "towers without logit_bias"
        per_pair = masked_siglip_per_pair(
            batch.image_emb, batch.text_emb, batch.logit_scale, batch.logit_bias, cell_mask(batch.codes)
        )
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair)

    def state(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing."""
