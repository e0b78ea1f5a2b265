"""Symmetric InfoNCE, the contrastive loss of CLIP."""

import torch
import torch.nn.functional as F
from torch import Tensor


def infonce(image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor) -> Tensor:
    """Mean cross-entropy of finding each image's text and each text's image in the batch, in nats.

    Args:
        image_emb, text_emb: [B, D], unit-norm rows; row i pairs with row i.
        logit_scale: positive scalar, 1 / temperature.

    Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
    At chance it equals log B.
    """
    logits = logit_scale * image_emb @ text_emb.T
    pairs = torch.arange(len(logits), device=logits.device)
    return 0.5 * (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs))
