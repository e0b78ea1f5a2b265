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


def balanced_cross_entropy(logits: Tensor, codes: Tensor) -> Tensor:
    """Cross-entropy in which every group present in the batch weighs the same, over log K: 1.0 is chance.

    Args:
        logits: [B, K]. codes: [B] int64; -1 is unknown and is left out.

    Returns:
        A scalar; 0 with no gradient where fewer than two groups are known in the batch.
    """
    known = codes >= 0
    counts = torch.bincount(codes[known], minlength=logits.shape[1])
    present = counts > 0
    if int(present.sum()) < 2:
        return logits.sum() * 0.0
    weight = present.to(logits.dtype) / counts.clamp(min=1)
    losses = F.cross_entropy(logits[known], codes[known], reduction="none")
    share = weight[codes[known]]
    return (losses * share).sum() / share.sum() / math.log(logits.shape[1])


def adversary_loss(logits: Mapping[str, Tensor], codes: Mapping[str, Tensor]) -> Tensor:
    """Balanced cross-entropy, mean over attributes and summed over the embeddings attacked.

    The mean keeps the weight's meaning whatever the number of attributes (our choice).

    Args:
        logits: by "view:attribute". codes: by attribute.
    """
    terms = [balanced_cross_entropy(value, codes[name.split(":")[1]]) for name, value in logits.items()]
    return torch.stack(terms).sum() / len({name.split(":")[1] for name in logits})


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
        self.diagnostics: dict[str, dict[str, float]] = {}

    def fit(self, image_emb: Tensor, text_emb: Tensor, codes: Mapping[str, Tensor]) -> None:
        """Train the adversaries on this batch, the towers standing still."""
        frozen = {"image": image_emb.detach(), "text": text_emb.detach()}
        self.adversary.observe(frozen)  # type: ignore[operator]
        for _ in range(self.steps):
            self.optimizer.zero_grad()
            self.backward(adversary_loss(self.adversary(frozen), codes))
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
        self._diagnose(logits, codes)
        loss = adversary_loss(logits, codes)
        return loss if reversal else -weight * loss

    def finish(self) -> None:
        """After the joint backward pass: the adversaries' share of it under reversal, nothing otherwise."""
        if self.update == "reversal" and self.steps:
            self.optimizer.step()

    def _diagnose(self, logits: Mapping[str, Tensor], codes: Mapping[str, Tensor]) -> None:
        def of(name: str) -> Tensor:
            return codes[name.split(":")[1]]

        with torch.no_grad():
            self.diagnostics = {
                "adversary_loss": {n: balanced_cross_entropy(v, of(n)).item() for n, v in logits.items()},
                "adversary_accuracy": {n: balanced_accuracy(v, of(n)) for n, v in logits.items()},
            }
