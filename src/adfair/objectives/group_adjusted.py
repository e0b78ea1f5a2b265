"""Contrastive losses without the reward for reading groups: each logit is told what the groups alone would give.

A contrastive loss teaches the similarity log p(image, text) / (p(image) p(text)). Where findings go with a group c of
the patient, that is a sum: what the film says about the text within its group, and log p(c | text) / p(c), what the
group alone says. Here the second part is added to the logits as a constant, so that the similarity is left to learn
the first. All candidates of the batch stay, unlike with ``same_cell``, and where findings go with no group the
constant is 0 and this is the plain loss.

Source: the same correction of classifiers by a known prior or bias, as in Menon et al. 2021, "Long-tail learning via
logit adjustment", Clark et al. 2019, "Don't Take the Easy Way Out" (bias product) and Hong and Yang 2021, "Unbiased
Classification through Bias-Contrastive and Bias-Balanced Learning"; for image-text pairs, with p(c | text) from the
findings that the text states, it is our choice.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.objectives.contrastive import weighted_mean
from adfair.objectives.interface import Batch, Pairing


@dataclass(frozen=True)
class GroupRatios:
    """What the findings of each training report say about the intersections of groups.

    Attributes:
        cells: int64 [N], intersection of each row; -1 where a group is unknown.
        log_ratios: float32 [N, K], log p(cell k | findings of the report) - log p(cell k).
    """

    cells: Tensor
    log_ratios: Tensor

    def adjustment(self, rows: Tensor) -> Tensor:
        """What groups alone add to each logit of a batch: [B, B], row = image, column = text.

        Args:
            rows: int64 [B], positions in the training split. An image of unknown group gets 0 everywhere.
        """
        rows = rows.to(self.cells.device)
        cells, ratios = self.cells[rows], self.log_ratios[rows]
        known = cells >= 0
        return torch.where(known[:, None], ratios[:, cells.clamp(min=0)].T, 0.0)


class GroupAdjustedInfoNCE:
    """``contrastive: infonce`` with ``negatives: group_adjusted``."""

    def __init__(self, ratios: GroupRatios) -> None:
        self.ratios = ratios

    def __call__(self, batch: Batch) -> Pairing:
        """InfoNCE of the adjusted logits; ``chance`` is what the groups alone, and nothing of the film, would cost."""
        fixed = self.ratios.adjustment(batch.rows).to(batch.image_emb)
        per_pair = _cross_entropies(batch.logit_scale * batch.image_emb @ batch.text_emb.T + fixed)
        return Pairing(
            weighted_mean(per_pair, batch.weights), per_pair, _cross_entropies(fixed).mean().item()
        )

    def state(self) -> dict[str, Tensor]:
        """Nothing: the ratios are a function of the data."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing."""


def _cross_entropies(logits: Tensor) -> Tensor:
    """Half of finding each row's partner plus half of finding each column's, [B] nats."""
    pairs = torch.arange(len(logits), device=logits.device)
    found_text = F.cross_entropy(logits, pairs, reduction="none")
    return 0.5 * (found_text + F.cross_entropy(logits.T, pairs, reduction="none"))


class GroupAdjustedSigLIP:
    """``contrastive: siglip`` with ``negatives: group_adjusted``."""

    def __init__(self, ratios: GroupRatios) -> None:
        self.ratios = ratios

    def __call__(self, batch: Batch) -> Pairing:
        """The pairwise losses of the adjusted logits."""
        assert batch.logit_bias is not None, "towers without logit_bias"
        fixed = self.ratios.adjustment(batch.rows).to(batch.image_emb)
        logits = batch.logit_scale * batch.image_emb @ batch.text_emb.T + batch.logit_bias + fixed
        sign = 2 * torch.eye(len(logits), dtype=logits.dtype, device=logits.device) - 1
        losses = -F.logsigmoid(sign * logits)
        per_pair = 0.5 * (losses.sum(0) + losses.sum(1))
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair)

    def state(self) -> dict[str, Tensor]:
        """Nothing: the ratios are a function of the data."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing."""
