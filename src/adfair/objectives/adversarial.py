"""The AdFair minimax: adversaries learn to read each sensitive attribute, the towers learn to defeat them."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from adfair.distributed import keep_in_step
from adfair.objectives.adversary_losses import adversary_loss, balanced_accuracy, head_loss, shares_of
from adfair.objectives.interface import Batch, Pairing, defended
from adfair.objectives.projection import Projection, projected


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


def scheduled_weight(step: int, steps: int, *, weight: float, delay: float, ramp: float) -> float:
    """Weight at a step: 0 for the first ``delay`` share of steps, then linear over ``ramp``, then constant.

    Our choice: the delay lets the adversaries learn before they are fought; without it the towers collapse.
    """
    start, length = delay * steps, ramp * steps
    if step < start:
        return 0.0
    return weight if step >= start + length else weight * (step - start) / length


def joint_codes(codes: Mapping[str, Tensor], groups: Mapping[str, int]) -> dict[str, Tensor]:
    """One attribute of all intersections, named ``race*sex``; a row with any part unknown is unknown, -1.

    Args:
        codes: by attribute; those that ``groups`` does not name are passed over. groups: how many each has, at least one.
    """
    joint = torch.zeros_like(codes[next(iter(groups))])
    unknown = torch.zeros_like(joint, dtype=torch.bool)
    for name, count in groups.items():
        joint = joint * count + codes[name].clamp(min=0)
        unknown = unknown | (codes[name] < 0)
    return {"*".join(groups): joint.masked_fill(unknown, -1)}


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
        schedule: step -> weight.
        target: what is defended: image | text | both.
        read: defended embeddings -> what the heads see, by view; by default the embeddings themselves.
        given: a batch -> what the heads are told besides, [B, F]; by default nothing.
        codes: a batch -> what the heads must tell; by default its codes.
        projection: see ``objectives.projection``.

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
        schedule: Callable[[int], float],
        target: str = "image",
        read: Callable[[dict[str, Tensor]], dict[str, Tensor]] = lambda embeddings: embeddings,
        given: Callable[[Batch], Tensor | None] = lambda batch: None,
        codes: Callable[[Batch], Mapping[str, Tensor]] = lambda batch: batch.codes,
        projection: Projection = "none",
    ) -> None:
        self.adversary, self.optimizer, self.backward = adversary, optimizer, backward
        self.steps, self.update, self.weight = steps, update, schedule
        self.defended = defended(target)
        self.read, self.given, self.codes, self.projection = read, given, codes, projection
        self._last: tuple[Mapping[str, Tensor], Mapping[str, Tensor]] = ({}, {})

    def _embeddings(self, batch: Batch) -> dict[str, Tensor]:
        both = {"image": batch.image_emb, "text": batch.text_emb}
        return {name: both[name] for name in self.defended}

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold besides the adversary: what the reader of embeddings remembers."""
        return self.read.state() if hasattr(self.read, "state") else {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state()``."""
        if hasattr(self.read, "load"):
            self.read.load(state)

    def fit(self, batch: Batch) -> None:
        """Train the adversaries on this batch, the towers standing still."""
        keep_in_step(self.adversary)
        frozen = self.read({name: emb.detach() for name, emb in self._embeddings(batch).items()})
        self.adversary.observe(frozen)  # type: ignore[operator]
        codes, given = self.codes(batch), self.given(batch)
        shares = shares_of(codes)
        for _ in range(self.steps):
            self.optimizer.zero_grad()
            self.backward(adversary_loss(self.adversary(frozen, given), codes, shares))
            self.optimizer.step()

    def penalty(self, batch: Batch, pairing: Pairing, weight: float) -> Tensor:
        """What to add to the contrastive loss (a scalar). At weight 0 no gradient reaches the towers at all."""
        self.optimizer.zero_grad()
        defended = self._defended(batch, pairing, weight)
        codes = self.codes(batch)
        logits = self.adversary(self.read(defended), self.given(batch))
        self._last = {name: z.detach() for name, z in logits.items()}, codes
        loss = adversary_loss(logits, codes)
        return loss if self.update == "reversal" else -weight * loss

    def _defended(self, batch: Batch, pairing: Pairing, weight: float) -> dict[str, Tensor]:
        """The embeddings, their way back to the towers cut, reversed or projected."""
        embeddings = self._embeddings(batch)
        if weight == 0:
            return {name: emb.detach() for name, emb in embeddings.items()}
        if self.projection != "none":
            pulls = torch.autograd.grad(pairing.loss, list(embeddings.values()), retain_graph=True)
            embeddings = {
                name: projected(emb, pull, self.projection)
                for (name, emb), pull in zip(embeddings.items(), pulls, strict=True)
            }
        if self.update == "reversal":
            embeddings = {name: reverse_gradient(emb, weight) for name, emb in embeddings.items()}
        return embeddings

    def finish(self) -> None:
        """After the joint backward pass: the adversaries' share of it under reversal, nothing otherwise."""
        if self.update == "reversal" and self.steps:
            self.optimizer.step()

    @property
    def diagnostics(self) -> dict[str, dict[str, float]]:
        """Loss (1.0 is chance) of every head on the last batch, and balanced accuracy of those that tell groups."""
        logits, codes = self._last
        of, shares = {name: codes[name.split(":")[1]] for name in logits}, shares_of(codes)
        losses = {n: head_loss(z, of[n], shares[n.split(":")[1]]).item() for n, z in logits.items()}
        grouped = {n: z for n, z in logits.items() if not of[n].is_floating_point()}
        return {
            "adversary_loss": losses,
            "adversary_accuracy": {n: balanced_accuracy(z, of[n]) for n, z in grouped.items()},
        }
