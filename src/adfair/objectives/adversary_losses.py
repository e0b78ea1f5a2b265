"""What adversaries minimise: how well each head tells the groups (or the value) of its attribute."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


def balanced_shares(codes: Tensor) -> Tensor:
    """What each row weighs so that every group present weighs the same: [B], sum 1, unknown rows 0.

    Args:
        codes: [B] int64; -1 is unknown.

    Returns:
        All zeros where fewer than two groups are known in the batch: there is nothing to tell apart.
    """
    known, target = codes >= 0, codes.clamp(min=0)
    counts = torch.bincount(codes[known])
    present = int((counts > 0).sum())
    if present < 2:
        return torch.zeros_like(codes, dtype=torch.float64)
    return known.double() / counts[target].clamp(min=1) / present


def balanced_cross_entropy(logits: Tensor, codes: Tensor, shares: Tensor | None = None) -> Tensor:
    """Cross-entropy in which every group present in the batch weighs the same, over log K: 1.0 is chance.

    Args:
        logits: [B, K]. codes: [B] int64; -1 is unknown and is left out.
        shares: ``balanced_shares(codes)``, for a caller that asks more than once about a batch.

    Returns:
        A scalar; 0 with no gradient where fewer than two groups are known in the batch.
    """
    shares = balanced_shares(codes) if shares is None else shares
    losses = F.cross_entropy(logits, codes.clamp(min=0), reduction="none")
    return losses @ shares.to(losses.dtype) / math.log(logits.shape[1])


def known_shares(values: Tensor) -> Tensor:
    """The same weight for every row whose value is known, [B]: sum 1, or all zeros where fewer than two are."""
    known = ~values.isnan()
    return known.double() / known.sum() if known.sum() >= 2 else torch.zeros_like(values, dtype=torch.float64)


def squared_error(prediction: Tensor, values: Tensor, shares: Tensor) -> Tensor:
    """Mean squared error of standardised values: 1.0, their variance, is chance.

    Args:
        prediction: [B, 1]. values: float [B], NaN unknown. shares: ``known_shares(values)``.
    """
    return (prediction[:, 0] - values.nan_to_num()).square() @ shares.to(prediction.dtype)


def shares_of(codes: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What each row weighs, by attribute: groups balanced where it has groups."""
    return {a: known_shares(c) if c.is_floating_point() else balanced_shares(c) for a, c in codes.items()}


def head_loss(logits: Tensor, codes: Tensor, shares: Tensor) -> Tensor:
    """Balanced cross-entropy of groups, squared error of continuous values; 1.0 is chance for both."""
    if codes.is_floating_point():
        return squared_error(logits, codes, shares)
    return balanced_cross_entropy(logits, codes, shares)


def adversary_loss(
    logits: Mapping[str, Tensor], codes: Mapping[str, Tensor], shares: Mapping[str, Tensor] | None = None
) -> Tensor:
    """Loss of every head, mean over attributes and summed over the embeddings attacked.

    The mean keeps the weight's meaning whatever the number of attributes (our choice).

    Args:
        logits: by "view:attribute". codes, shares: by attribute, see ``head_loss`` and ``shares_of``.
    """
    attributes = {name: name.split(":")[1] for name in logits}
    shares = shares_of(codes) if shares is None else shares
    terms = [head_loss(z, codes[attributes[n]], shares[attributes[n]]) for n, z in logits.items()]
    return torch.stack(terms).sum() / len(set(attributes.values()))


def balanced_accuracy(logits: Tensor, codes: Tensor) -> float:
    """Mean recall over the groups present in the batch; NaN where none is known."""
    hit = logits.argmax(1) == codes
    recalls = [hit[codes == k].float().mean().item() for k in range(logits.shape[1]) if (codes == k).any()]
    return sum(recalls) / len(recalls) if recalls else math.nan
