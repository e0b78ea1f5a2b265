"""The AdFair minimax: adversaries learn to read each sensitive attribute, the towers learn to defeat them."""

import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight  # type: ignore[attr-defined]
        return x.view_as(x)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * grads[0], None  # type: ignore[attr-defined]


def reverse_gradient(x: Tensor, weight: float) -> Tensor:
    """Identity forwards; backwards the gradient times ``-weight``. Source: Ganin et al. 2016, equation 11-12."""
    return _Reverse.apply(x, weight)


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


def adversary_loss(
    logits: Mapping[str, Tensor], codes: Mapping[str, Tensor], shares: Mapping[str, Tensor] | None = None
) -> Tensor:
    """Balanced cross-entropy, mean over attributes and summed over the embeddings attacked.

    The mean keeps the weight's meaning whatever the number of attributes (our choice).

    Args:
        logits: by "view:attribute". codes, shares: by attribute, see ``balanced_cross_entropy``.
    """
    attributes = {name: name.split(":")[1] for name in logits}
    shares = {a: balanced_shares(codes[a]) for a in attributes.values()} if shares is None else shares
    terms = [
        balanced_cross_entropy(z, codes[attributes[n]], shares[attributes[n]]) for n, z in logits.items()
    ]
    return torch.stack(terms).sum() / len(set(attributes.values()))


def balanced_accuracy(logits: Tensor, codes: Tensor) -> float:
    """Mean recall over the groups present in the batch; NaN where none is known."""
    hit = logits.argmax(1) == codes
    recalls = [hit[codes == k].float().mean().item() for k in range(logits.shape[1]) if (codes == k).any()]
    return sum(recalls) / len(recalls) if recalls else math.nan


def adversary_weight(step: int, steps: int, *, weight: float, delay: float, ramp: float) -> float:
    """Weight at a step: 0 for the first ``delay`` share of steps, then linear over ``ramp``, then constant.

    Our choice: the delay lets the adversaries learn before they are fought; without it the towers collapse.
    """
    start, length = delay * steps, ramp * steps
    if step < start:
        return 0.0
    return weight if step >= start + length else weight * (step - start) / length


class AdversarialTerm:
    """The fairness term ``adversarial``: k steps of the adversaries on frozen embeddings, then one joint step.

    ``fit`` trains the adversaries; ``penalty`` is what the towers' loss gains. With ``update: reversal`` the
    joint backward pass also gives the adversaries their last gradient (``finish`` applies it); with
    ``alternating`` the towers minimise minus the adversaries' loss while these stand still.

    Args:
        adversary: ``models.adversary.Adversary`` (or a wrapper with the same call).
        optimizer: updates it.
        backward: how to run a backward pass (``fabric.backward``).
        steps: adversary steps on frozen embeddings at every training step.
        update: reversal | alternating.

    Source: the minimax game of Yi et al. 2025 (arXiv 2506.23467); architecture, k, schedule and the balanced,
    normalised loss are our choice.
    """

    def __init__(
        self,
        adversary: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        backward: Callable[[Tensor], None],
        *,
        steps: int,
        update: str,
    ) -> None:
        self.adversary, self.optimizer, self.backward = adversary, optimizer, backward
        self.steps, self.update = steps, update
        self._last: tuple[Mapping[str, Tensor], Mapping[str, Tensor]] = ({}, {})

    def fit(self, image_emb: Tensor, text_emb: Tensor, codes: Mapping[str, Tensor]) -> None:
        """Train the adversaries on this batch, the towers standing still."""
        frozen = {"image": image_emb.detach(), "text": text_emb.detach()}
        self.adversary.observe(frozen)  # type: ignore[operator]
        shares = {attribute: balanced_shares(values) for attribute, values in codes.items()}
        for _ in range(self.steps):
            self.optimizer.zero_grad()
            self.backward(adversary_loss(self.adversary(frozen), codes, shares))
            self.optimizer.step()

    def penalty(
        self, image_emb: Tensor, text_emb: Tensor, codes: Mapping[str, Tensor], weight: float
    ) -> Tensor:
        """What to add to the contrastive loss (a scalar). At weight 0 no gradient reaches the towers at all."""
        self.optimizer.zero_grad()
        reversal = self.update == "reversal"
        views = {"image": image_emb, "text": text_emb}
        if weight == 0:
            views = {name: emb.detach() for name, emb in views.items()}
        elif reversal:
            views = {name: reverse_gradient(emb, weight) for name, emb in views.items()}
        logits = self.adversary(views)
        self._last = {name: z.detach() for name, z in logits.items()}, codes
        loss = adversary_loss(logits, codes)
        return loss if reversal else -weight * loss

    def finish(self) -> None:
        """After the joint backward pass: the adversaries' share of it under reversal, nothing otherwise."""
        if self.update == "reversal" and self.steps:
            self.optimizer.step()

    @property
    def diagnostics(self) -> dict[str, dict[str, float]]:
        """Loss (1.0 is chance) and balanced accuracy of every head on the last batch."""
        logits, codes = self._last
        of = {name: codes[name.split(":")[1]] for name in logits}
        return {
            "adversary_loss": {n: balanced_cross_entropy(z, of[n]).item() for n, z in logits.items()},
            "adversary_accuracy": {n: balanced_accuracy(z, of[n]) for n, z in logits.items()},
        }
