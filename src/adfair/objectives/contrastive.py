"""Symmetric InfoNCE, the contrastive loss of CLIP."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.objectives.chunked import chunked_infonce, tile_size
from adfair.objectives.interface import Batch, Pairing, Stateless


def weighted_mean(per_pair: Tensor, weights: Tensor | None) -> Tensor:
    """Mean of [B] losses, by weights that are normalised over the batch (our choice: no batch shouts)."""
    if weights is None:
        return per_pair.mean()
    return per_pair @ weights.to(per_pair.dtype) / weights.sum()


def infonce_per_pair(
    image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor, *, chunk: int | None = None
) -> Tensor:
    """Half the cross-entropy of finding each image's text in the batch plus half that of finding its image, [B] nats.

    Args:
        image_emb, text_emb: [B, D], unit-norm rows; row i pairs with row i.
        logit_scale: positive scalar, 1 / temperature.
        chunk: rows of a tile, see ``chunked.tile_size``; 0 holds the whole [B, B] logits.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
    At chance the mean equals log B.
    """
    if tile := tile_size(len(image_emb), chunk):
        return chunked_infonce(image_emb, text_emb, logit_scale, tile=tile)
    return infonce_of(logit_scale * image_emb @ text_emb.T)


def infonce_of(logits: Tensor) -> Tensor:
    """:func:`infonce_per_pair` of logits [B, B] that are there already: row = image, column = text."""
    pairs = torch.arange(len(logits), device=logits.device)
    found_text = F.cross_entropy(logits, pairs, reduction="none")
    return 0.5 * (found_text + F.cross_entropy(logits.T, pairs, reduction="none"))


def infonce(image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor) -> Tensor:
    """Mean of :func:`infonce_per_pair`, a scalar."""
    return infonce_per_pair(image_emb, text_emb, logit_scale).mean()


class InfoNCE(Stateless):
    """The objective ``infonce``; ``chunk`` as in :func:`infonce_per_pair`."""

    def __init__(self, chunk: int | None = None) -> None:
        self.chunk = chunk

    def __call__(self, batch: Batch) -> Pairing:
        """See :func:`infonce_per_pair`."""
        per_pair = infonce_per_pair(batch.image_emb, batch.text_emb, batch.logit_scale, chunk=self.chunk)
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair, math.log(len(per_pair)))
