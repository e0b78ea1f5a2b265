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

from adfair.objectives.chunked import in_strips, tile_size
from adfair.objectives.contrastive import weighted_mean
from adfair.objectives.interface import Batch, Pairing, Stateless

FEWEST = 4
"""Rows of a cell in a batch, the anchor with them, from which the mask holds (our choice): below, an anchor has next
to no negatives left, and keeps all of them."""


def cells(codes: Mapping[str, Tensor], *, fewest: int = FEWEST) -> tuple[Tensor, Tensor]:
    """The cell of every row, int64 [B], -1 where a group is unknown; and bool [B], which anchors keep all candidates.

    Args:
        codes, fewest: as in :func:`cell_mask`.
    """
    table = torch.stack([values for values in codes.values() if not values.is_floating_point()], dim=1)
    known = (table >= 0).all(dim=1)
    _, cell, counts = table.unique(dim=0, return_inverse=True, return_counts=True)
    return cell.masked_fill(~known, -1), ~known | (counts[cell] < fewest)


def cell_mask(codes: Mapping[str, Tensor], *, fewest: int = FEWEST) -> Tensor:
    """Which candidates each anchor is told from: bool [B, B], row = anchor, its own pair always included.

    Args:
        codes: per sensitive attribute [B], -1 unknown; continuous ones (floating point) are passed over.
        fewest: anchors of cells with fewer rows in the batch keep all candidates, as do anchors of unknown group.
    """
    cell, free = cells(codes, fewest=fewest)
    return _mask(cell, free, slice(None))


def _mask(cell: Tensor, free: Tensor, rows: slice) -> Tensor:
    return (cell[rows, None] == cell) | free[rows, None]


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


def _infonce_in_strips(
    image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor, codes: Mapping[str, Tensor], tile: int
) -> tuple[Tensor, Tensor]:
    """:func:`masked_infonce_per_pair` of a :func:`cell_mask`, neither of which is held as a whole."""
    cell, free = cells(codes)

    def part(rows: slice) -> Tensor:
        mask, pairs = _mask(cell, free, rows), torch.arange(len(cell), device=cell.device)[rows]
        sides = [
            F.cross_entropy(
                (logit_scale * mine[rows] @ others.T).masked_fill(~mask, -torch.inf), pairs, reduction="none"
            )
            for mine, others in ((image_emb, text_emb), (text_emb, image_emb))
        ]
        return torch.stack([0.5 * (sides[0] + sides[1]), mask.sum(dim=1).to(logit_scale.dtype).log()])

    losses, chance = in_strips(part, len(cell), tile)
    return losses, chance


def _siglip_in_strips(
    image_emb: Tensor,
    text_emb: Tensor,
    logit_scale: Tensor,
    logit_bias: Tensor,
    codes: Mapping[str, Tensor],
    tile: int,
) -> Tensor:
    """:func:`masked_siglip_per_pair` of a :func:`cell_mask`, neither of which is held as a whole."""
    (cell, free), n = cells(codes), len(image_emb)

    def part(rows: slice) -> Tensor:
        others = _mask(cell, free, rows)
        others.diagonal(rows.start).fill_(False)
        weights = (n - 1) / others.sum(dim=1).clamp(min=1).to(image_emb.dtype)
        sides = [
            (F.softplus(logit_scale * mine[rows] @ theirs.T + logit_bias) * others).sum(dim=1) * weights
            for mine, theirs in ((image_emb, text_emb), (text_emb, image_emb))
        ]
        return 0.5 * (sides[0] + sides[1])

    own = logit_scale * (image_emb * text_emb).sum(dim=1) + logit_bias
    return F.softplus(-own) + in_strips(part, n, tile)


class SameCellInfoNCE(Stateless):
    """``contrastive: infonce`` with ``negatives: same_cell``.

    Args:
        chunk: rows of a strip of the logits, see ``chunked.tile_size``; 0 holds them whole.
    """

    def __init__(self, chunk: int | None = None) -> None:
        self.chunk = chunk

    def __call__(self, batch: Batch) -> Pairing:
        """See :func:`masked_infonce_per_pair`."""
        inputs = batch.image_emb, batch.text_emb, batch.logit_scale
        if tile := tile_size(len(batch.image_emb), self.chunk):
            per_pair, chance = _infonce_in_strips(*inputs, batch.codes, tile)
        else:
            per_pair, chance = masked_infonce_per_pair(*inputs, cell_mask(batch.codes))
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair, chance.mean().item())


class SameCellSigLIP(Stateless):
    """``contrastive: siglip`` with ``negatives: same_cell``; ``chunk`` as in :class:`SameCellInfoNCE`."""

    def __init__(self, chunk: int | None = None) -> None:
        self.chunk = chunk

    def __call__(self, batch: Batch) -> Pairing:
        """See :func:`masked_siglip_per_pair`."""
        assert batch.logit_bias is not None, "towers without logit_bias"
        inputs = batch.image_emb, batch.text_emb, batch.logit_scale, batch.logit_bias
        if tile := tile_size(len(batch.image_emb), self.chunk):
            per_pair = _siglip_in_strips(*inputs, batch.codes, tile)
        else:
            per_pair = masked_siglip_per_pair(*inputs, cell_mask(batch.codes))
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair)
