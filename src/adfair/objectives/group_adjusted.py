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

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.objectives.chunked import chunked_infonce, chunked_siglip, tile_size
from adfair.objectives.contrastive import infonce_of, weighted_mean
from adfair.objectives.interface import Batch, Pairing, Stateless
from adfair.objectives.siglip import siglip_of


@dataclass(frozen=True)
class GroupRatios:
    """What the findings of each training report say about the intersections of groups.

    Attributes:
        cells: int64 [N], intersection of each row; -1 where a group is unknown.
        log_ratios: float32 [N, K], log p(cell k | findings of the report) - log p(cell k).
    """

    cells: Tensor
    log_ratios: Tensor

    def of(self, batch: Batch, strength: float) -> "Told":
        """The rows of a batch, in its precision; an image of unknown group is in a cell of which nothing is said."""
        rows = batch.rows.to(self.cells.device)
        cells, ratios = self.cells[rows], F.pad(self.log_ratios[rows], (0, 1))
        said = (strength * ratios).to(batch.image_emb)
        return Told(torch.where(cells < 0, ratios.shape[1] - 1, cells).to(said.device), said)


@dataclass(frozen=True)
class Told:
    """What a batch's logits are told.

    Attributes:
        cells: int64 [B], of each image. said: [B, K + 1], by each text about each cell.
    """

    cells: Tensor
    said: Tensor

    def logits(self) -> Tensor:
        """What groups alone add to each logit, [B, B]; row = image, column = text."""
        return self.said[:, self.cells].T

    def chance(self) -> float:
        """Symmetric InfoNCE, mean nats, of an image of which only its cell is known."""
        found_text = self.said.logsumexp(0)[self.cells]
        images = torch.bincount(self.cells, minlength=self.said.shape[1]).to(self.said).log()
        own = self.said.gather(1, self.cells[:, None])[:, 0]
        return (0.5 * (found_text + (self.said + images).logsumexp(1)) - own).mean().item()

    def widened(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Embeddings [B, D + K + 1] whose products, times the scale, are the adjusted logits, for losses in tiles."""
        cells = F.one_hot(self.cells, self.said.shape[1]).to(batch.image_emb)
        text = torch.cat([batch.text_emb, self.said / batch.logit_scale], dim=1)
        return torch.cat([batch.image_emb, cells], dim=1), text


class _GroupAdjusted(Stateless):
    """What both losses share: the ratios are a function of the data, so there is nothing to remember.

    Args:
        ratios: of the training split.
        strength: of the adjustment at a step, from 0 to 1. It grows as the adversary's weight does: towers that know
            nothing yet learn faster from the plain loss, and give up the shortcut later (our choice, measured).
        chunk: rows of a tile, see ``chunked.tile_size``.
    """

    def __init__(
        self,
        ratios: GroupRatios,
        strength: Callable[[int], float] = lambda step: 1.0,
        chunk: int | None = None,
    ) -> None:
        self.ratios, self.strength, self.chunk = ratios, strength, chunk


class GroupAdjustedInfoNCE(_GroupAdjusted):
    """``contrastive: infonce`` with ``negatives: group_adjusted``."""

    def __call__(self, batch: Batch) -> Pairing:
        """InfoNCE of the adjusted logits; ``chance`` is what the groups alone, and nothing of the film, would cost."""
        told = self.ratios.of(batch, self.strength(batch.step))
        if tile := tile_size(len(batch.rows), self.chunk):
            per_pair = chunked_infonce(*told.widened(batch), batch.logit_scale, tile=tile)
        else:
            per_pair = infonce_of(batch.logit_scale * batch.image_emb @ batch.text_emb.T + told.logits())
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair, told.chance())


class GroupAdjustedSigLIP(_GroupAdjusted):
    """``contrastive: siglip`` with ``negatives: group_adjusted``."""

    def __call__(self, batch: Batch) -> Pairing:
        """The pairwise losses of the adjusted logits."""
        assert batch.logit_bias is not None, "towers without logit_bias"
        told = self.ratios.of(batch, self.strength(batch.step))
        if tile := tile_size(len(batch.rows), self.chunk):
            per_pair = chunked_siglip(*told.widened(batch), batch.logit_scale, batch.logit_bias, tile=tile)
        else:
            plain = batch.logit_scale * batch.image_emb @ batch.text_emb.T + batch.logit_bias
            per_pair = siglip_of(plain + told.logits())
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair)
