"""Two gradients on the same embeddings that disagree: what to do with the part in which they do."""

from typing import Literal

import torch
from torch import Tensor

Projection = Literal["none", "zhang", "no_conflict", "no_conflict_per_sample"]


def project_onto(g: Tensor, direction: Tensor) -> Tensor:
    """The part of ``g`` along ``direction``, for the Frobenius product; zero where the direction is zero.

    Args:
        g, direction: the same shape.
    """
    length = (direction * direction).sum()
    return torch.where(length > 0, (g * direction).sum() / length.clamp(min=1e-30), 0.0) * direction


def zhang(opposed: Tensor, contrastive: Tensor) -> Tensor:
    """What to add to the contrastive gradient g so that the sum is g - proj_h(g) - weight h, h the adversary's.

    With it no step on the contrastive loss helps the adversary, even by chance.

    Args:
        opposed: [B, D], -weight h. contrastive: [B, D], g.

    Source: Zhang, Lemoine and Mitchell 2018, "Mitigating Unwanted Biases with Adversarial Learning", section 3.
    """
    return opposed - project_onto(contrastive, opposed)


def no_conflict(opposed: Tensor, contrastive: Tensor) -> Tensor:
    """``opposed`` without its part along the contrastive gradient, where that part points against it.

    The step then never raises the contrastive loss to first order. Source: Yu et al. 2020, "Gradient Surgery for
    Multi-Task Learning" (one-sided; our choice).
    """
    against = (opposed * contrastive).sum() < 0
    return torch.where(against, opposed - project_onto(opposed, contrastive), opposed)


def no_conflict_per_sample(opposed: Tensor, contrastive: Tensor) -> Tensor:
    """:func:`no_conflict` for every row by itself (our choice)."""
    length = (contrastive * contrastive).sum(1, keepdim=True).clamp(min=1e-30)
    along = (opposed * contrastive).sum(1, keepdim=True) / length
    return opposed - along.clamp(max=0) * contrastive


RULES = {"zhang": zhang, "no_conflict": no_conflict, "no_conflict_per_sample": no_conflict_per_sample}


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, emb: Tensor, contrastive: Tensor, rule: str
    ) -> Tensor:
        ctx.save_for_backward(contrastive)
        ctx.rule = rule  # type: ignore[attr-defined]
        return emb.view_as(emb)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> tuple[Tensor, None, None]:
        (contrastive,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return RULES[ctx.rule](grads[0], contrastive), None, None  # type: ignore[attr-defined]


def projected(emb: Tensor, contrastive: Tensor, rule: str) -> Tensor:
    """Identity forwards; backwards the gradient that arrives is changed by ``rule``.

    Projecting on the embeddings rather than on every weight matrix costs no second backward pass through the
    towers (our choice; Zhang et al. project on the weights of the predictor).

    Args:
        emb: [B, D]. contrastive: [B, D], gradient of the contrastive loss on ``emb``. rule: of ``RULES``.
    """
    return _Project.apply(emb, contrastive, rule)
