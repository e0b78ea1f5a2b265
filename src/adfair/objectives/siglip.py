"""The pairwise sigmoid loss of SigLIP: every image-text pair is a yes-or-no question of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.objectives.chunked import chunked_siglip, tile_size
from adfair.objectives.contrastive import weighted_mean
from adfair.objectives.interface import Batch, Pairing, Stateless

START = {"init_logit_scale": 2.302585, "init_logit_bias": -10.0}
"""Start of the logarithm of the scale (log 10) and of the bias: Zhai et al. 2023, section 3.2."""


def siglip_per_pair(
    image_emb: Tensor,
    text_emb: Tensor,
    logit_scale: Tensor,
    logit_bias: Tensor,
    *,
    chunk: int | None = None,
) -> Tensor:
    """Half of row i plus half of column i of the pairwise losses, [B] nats; its mean is their sum over B.

    Args:
        image_emb, text_emb: [B, D], unit-norm rows; row i pairs with row i.
        logit_scale, logit_bias: scalars.
        chunk: rows of a tile, see ``chunked.tile_size``; 0 holds the whole [B, B] logits.

    Source: Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training", equation 1.
    """
    if tile := tile_size(len(image_emb), chunk):
        return chunked_siglip(image_emb, text_emb, logit_scale, logit_bias, tile=tile)
    return siglip_of(logit_scale * image_emb @ text_emb.T + logit_bias)


def siglip_of(logits: Tensor) -> Tensor:
    """:func:`siglip_per_pair` of logits [B, B] that are there already, their bias in them."""
    sign = 2 * torch.eye(len(logits), dtype=logits.dtype, device=logits.device) - 1
    losses = -F.logsigmoid(sign * logits)
    return 0.5 * (losses.sum(0) + losses.sum(1))


class SigLIP(Stateless):
    """The objective ``siglip``; the towers must have been built with a ``logit_bias``.

    Args:
        chunk: as in :func:`siglip_per_pair`.
    """

    def __init__(self, chunk: int | None = None) -> None:
        self.chunk = chunk

    def __call__(self, batch: Batch) -> Pairing:
        """See :func:`siglip_per_pair`."""
        assert batch.logit_bias is not None, "towers without logit_bias"
        per_pair = siglip_per_pair(
            batch.image_emb, batch.text_emb, batch.logit_scale, batch.logit_bias, chunk=self.chunk
        )
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair)
