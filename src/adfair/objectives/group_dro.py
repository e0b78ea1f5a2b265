"""Group DRO: the contrastive loss of the worst-served group counts most."""

from collections.abc import Mapping
from itertools import product
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.objectives.interface import Batch, Pairing
from adfair.objectives.term import ConstantTerm, group_codes

WEIGHT = 1.0
"""Group DRO itself."""
STEP_SIZE = 0.01
"""Of the published code."""


def cells(codes: Mapping[str, Tensor], counts: Mapping[str, int]) -> Tensor:
    """Intersection of the attributes of every row, int64 [B], the last attribute counting fastest.

    -1 where any attribute is unknown.

    Args:
        codes: per attribute [B] int64; -1 is unknown. counts: how many groups each attribute has.
    """
    cell = torch.zeros_like(next(iter(codes.values())))
    known = torch.ones_like(cell, dtype=torch.bool)
    for attribute, count in counts.items():
        cell = cell * count + codes[attribute]
        known &= codes[attribute] >= 0
    return torch.where(known, cell, -1)


def cell_losses(
    per_pair: Tensor, cell: Tensor, n_cells: int, weights: Tensor | None
) -> tuple[Tensor, Tensor]:
    """(Weighted) mean loss of every cell, 0 where the batch has no row of it, and the cells' shares: both [G].

    Args:
        per_pair: [B]. cell: [B] int64; -1 is left out. weights: [B] or ``None``.

    Returns:
        The means, and each cell's share of the weight of the whole batch: they sum to less than 1 where
        rows are unknown.
    """
    mass = torch.ones_like(per_pair) if weights is None else weights.to(per_pair.dtype)
    member = F.one_hot(cell.clamp(min=0), n_cells) * torch.where(cell >= 0, mass, 0.0)[:, None]
    total = member.sum(dim=0)
    return per_pair @ member / torch.where(total > 0, total, 1.0), total / mass.sum()


def dro_excess(means: Tensor, shares: Tensor, q: Tensor) -> Tensor:
    """By how much the group-DRO loss exceeds the plain mean of the same rows, times these rows' share: a scalar.

    Args:
        means, shares: see ``cell_losses``. q: [G] weights of the cells; renormalised over those with rows.
    """
    q = torch.where(shares > 0, q, 0.0)
    known = shares.sum()
    return known * (q @ means) / q.sum() - shares @ means if known > 0 else means.new_zeros(())


def ascend(q: Tensor, means: Tensor, present: Tensor, *, step_size: float) -> Tensor:
    """One exponentiated-gradient step of the cells' weights; those without rows keep theirs.

    Args:
        q, means: [G], q float64 with sum 1. present: bool [G].

    Returns:
        [G], with the same sum, over all cells and over those present.
    """
    if not present.any():
        return q
    raised = torch.softmax(q[present].log() + step_size * means[present].double(), dim=0)
    return q.masked_scatter(present, raised * q[present].sum())


class GroupDroTerm(ConstantTerm):
    """The fairness term ``group_dro``: at weight 1 the training loss is the group-DRO loss.

    Groups are the intersections of the attributes. Their weights q start equal and are multiplied by
    exp(step size x loss) at every step at which the term weighs something, then normalised. A cell without rows
    keeps its q (our choice: the published code counts its loss as 0, which takes weight off rare cells whatever
    their loss). The penalty is what turns the plain mean of the pair losses into the q-weighted mean of the cell
    means. Rows of unknown attribute form no cell and keep their plain share of the mean (our choice); pair
    weights count inside cells. The negatives are still the whole batch.

    Args:
        counts: per attribute how many groups the cohort declares.
        weight: between the plain mean, 0, and group DRO, 1.
        step_size: of the weights q.

    Source: Sagawa et al. 2020, "Distributionally Robust Neural Networks for Group Shifts", algorithm 1.
    """

    def __init__(
        self, counts: Mapping[str, int], *, weight: float = WEIGHT, step_size: float = STEP_SIZE
    ) -> None:
        super().__init__(weight=weight)
        self.counts, self.step_size = dict(counts), step_size
        n_cells = prod(self.counts.values())
        self.q = torch.full((n_cells,), 1 / n_cells, dtype=torch.float64)
        self._last: tuple[Tensor, Tensor] = (torch.empty(0), torch.empty(0))

    def penalty(self, batch: Batch, pairing: Pairing, weight: float) -> Tensor:
        """``weight`` times ``dro_excess``, a scalar; at weight 0 nothing is learnt either."""
        codes = {attribute: group_codes(batch.codes, attribute) for attribute in self.counts}
        loss = pairing.per_pair if weight else pairing.per_pair.detach()
        means, shares = cell_losses(loss, cells(codes, self.counts), len(self.q), batch.weights)
        self._last = means.detach(), shares
        if weight == 0:
            return means.new_zeros(())
        self.q = ascend(self.q, means.detach().cpu(), shares.cpu() > 0, step_size=self.step_size)
        return weight * dro_excess(means, shares, self.q.to(means))

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold: q, float64 [G]."""
        return {"q": self.q.clone()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from ``state()``."""
        assert state["q"].shape == self.q.shape
        self.q = state["q"].cpu().clone()

    @property
    def diagnostics(self) -> dict[str, dict[str, float]]:
        """Per cell, by codes such as ``race=0,sex=1``: its weight q, and the last loss of those with rows."""
        means, shares = self._last
        names = [
            ",".join(f"{attribute}={code}" for attribute, code in zip(self.counts, combination, strict=True))
            for combination in product(*(range(n) for n in self.counts.values()))
        ]
        losses = zip(names, means.tolist(), shares.tolist(), strict=False)
        return {
            "cell_weight": dict(zip(names, self.q.tolist(), strict=True)),
            "cell_loss": {name: loss for name, loss, share in losses if share > 0},
        }
