"""FairCLIP: the pair similarities of every group should be distributed like everyone's. Two forms of it."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from adfair.objectives.interface import Batch
from adfair.objectives.sinkhorn import sinkhorn_divergence
from adfair.objectives.term import DistanceTerm, group_codes, group_rows
from adfair.objectives.transport import transport_cost

EXACT_WEIGHT = 10.0
"""Our choice: on a synthetic cohort kept for tuning, 100 cost much accuracy."""
AS_CODED_WEIGHT = 1e-4
"""The default of the published code; the published training script passes 1e-6."""

Embed = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


def group_transport(scores: Tensor, codes: Tensor) -> Tensor:
    """Exact transport cost between all known scores and each group's, summed over groups, a scalar.

    A group with fewer than ``term.MIN_ROWS`` rows adds nothing; without any the sum is 0.

    Args:
        scores: [B]. codes: [B] int64; -1 is unknown and is left out.
    """
    known = scores[codes >= 0]
    costs = [transport_cost(known, scores[rows]) for rows in group_rows(codes)]
    return sum(costs, start=scores.new_zeros(()))


class FairClipExact(DistanceTerm):
    """The fairness term ``fairclip_exact``: what FairCLIP's paper describes, on the batch at hand.

    The score of a pair is its cosine, free of the temperature (our choice: otherwise a colder model looks
    fairer). Exact transport replaces the Sinkhorn divergence, and both sides carry gradients. Summed over
    groups as published; the mean over attributes is our choice.

    Source: Luo et al. 2024, "FairCLIP: Harnessing Fairness in Vision-Language Learning" (CVPR).
    """

    def __init__(self, *, weight: float = EXACT_WEIGHT) -> None:
        super().__init__(weight=weight)

    def distance(self, batch: Batch, attribute: str) -> Tensor:
        """Summed transport cost of the groups' pair cosines, in squared cosines."""
        scores = (batch.image_emb * batch.text_emb).sum(dim=1)
        return group_transport(scores, group_codes(batch.codes, attribute))


def product_diagonal(image_emb: Tensor, text_emb: Tensor, logit_scale: Tensor) -> Tensor:
    """Diagonal of L times L for the logits L [B, B]: [B]. The published code's score; it is not the similarity L_ii."""
    logits = logit_scale * image_emb @ text_emb.T
    return (logits * logits.T).sum(dim=1)


class FairClipAsCoded(DistanceTerm):
    """The fairness term ``fairclip_as_coded``: what the published code computes, its faults included.

    The score is ``product_diagonal``. The batch's scores stay as they are, unknown rows among them, while each
    group's are divided by their sum, so the figure is about half the batch's mean squared score whatever the
    groups do. Every group brings a batch of its own through the towers without gradient, by epochs shuffled
    within the group, the last batch of an epoch being what is left. The temperature gets no gradient, as the
    published optimiser leaves it alone. Ours: full precision, differences squared directly, several attributes
    (their mean), and draws that depend on seed, attribute, group and step alone, so that a run can resume.

    Args:
        embed: rows of the training split [n] -> image_emb [n, D], text_emb [n, D], logit_scale; the towers in
            training mode, as published.
        codes: per attribute the whole split's group codes, int64 [N]; -1 is unknown.
        seed: of the draws.
        group_batch: rows of a group's batch.
        blur: of the Sinkhorn divergence.

    Source: the repository of Luo et al. 2024, Harvard-Ophthalmology-AI-Lab/FairCLIP, ``finetune_FairCLIP.py``.
    """

    def __init__(
        self,
        embed: Embed,
        codes: Mapping[str, Tensor],
        *,
        seed: int,
        weight: float = AS_CODED_WEIGHT,
        group_batch: int = 64,
        blur: float = 1e-4,
    ) -> None:
        super().__init__(weight=weight)
        self.embed, self.seed, self.group_batch, self.blur = embed, seed, group_batch, blur
        self.members = {name: group_rows(group_codes(codes, name).cpu(), least=1) for name in codes}

    def draw(self, attribute: str, group: int, step: int) -> Tensor:
        """Rows of a group's batch at a step: at most ``group_batch``, int64. ``group`` counts those with rows."""
        members = self.members[attribute][group]
        epoch, position = divmod(step, -(-len(members) // self.group_batch))
        key = [self.seed, list(self.members).index(attribute), group, epoch]
        order = torch.from_numpy(np.random.default_rng(key).permutation(len(members)))
        return members[order[position * self.group_batch : (position + 1) * self.group_batch]]

    def distance(self, batch: Batch, attribute: str) -> Tensor:
        """Summed Sinkhorn divergences between the batch's scores and each group's divided by their sum."""
        mine = product_diagonal(batch.image_emb, batch.text_emb, batch.logit_scale.detach())
        total = mine.new_zeros(())
        for group in range(len(self.members[attribute])):
            with torch.no_grad():
                theirs = product_diagonal(*self.embed(self.draw(attribute, group, batch.step)))
            total = total + sinkhorn_divergence(mine, theirs / theirs.sum(), blur=self.blur)
        return total
