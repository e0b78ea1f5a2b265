"""What the fairness terms without an adversary share: a constant weight, and a figure for every attribute."""

from collections.abc import Mapping

import torch
from torch import Tensor

from adfair.errors import ConfigError
from adfair.objectives.interface import Batch, Pairing

MIN_ROWS = 4
"""Rows that a group, and what it is compared with, must have in a batch. Our choice: with fewer, its spread is noise."""


def group_codes(codes: Mapping[str, Tensor], attribute: str) -> Tensor:
    """The group codes of an attribute, int64. Raises ConfigError for a continuous one: it has no groups."""
    if codes[attribute].is_floating_point():
        raise ConfigError(
            f"objective.attributes: '{attribute}' is continuous, and this objective.fairness compares groups; "
            "declare groups for it, take it out, or use another fairness term"
        )
    return codes[attribute]


def group_rows(codes: Tensor, *, least: int = MIN_ROWS) -> list[Tensor]:
    """Row positions of each group with at least ``least`` rows, by ascending code; unknown rows are in none.

    Args:
        codes: [B] int64; -1 is unknown.
    """
    counts = torch.bincount(codes[codes >= 0]).tolist()
    return [(codes == k).nonzero().flatten() for k, n in enumerate(counts) if n >= least]


class ConstantTerm:
    """A fairness term that trains nothing and whose weight does not change.

    Args:
        weight: what ``weight(step)`` answers at every step.
    """

    adversary = optimizer = None

    def __init__(self, *, weight: float) -> None:
        self.constant = weight

    def weight(self, step: int) -> float:
        """The weight it was built with."""
        return self.constant

    def state(self) -> dict[str, Tensor]:
        """Nothing that a checkpoint must hold besides the adversary."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Nothing."""

    def fit(self, batch: Batch) -> None:
        """Nothing to train."""

    def finish(self) -> None:
        """Nothing to update."""


class DistanceTerm(ConstantTerm):
    """A penalty on how far apart an attribute's groups are; the mean over attributes unless ``shares`` says else.

    The mean keeps the weight's meaning whatever the number of attributes (our choice). Every row weighs the
    same whatever ``batch.weights`` (our choice): the groups are compared as they come.
    """

    def __init__(self, *, weight: float) -> None:
        super().__init__(weight=weight)
        self._last: Mapping[str, Tensor] = {}

    def distance(self, batch: Batch, attribute: str) -> Tensor:
        """How far apart the groups of one attribute are in this batch, a scalar."""
        raise NotImplementedError

    def shares(self, batch: Batch) -> Mapping[str, float]:
        """What each attribute's distance weighs in the penalty."""
        return dict.fromkeys(batch.codes, 1 / len(batch.codes))

    def penalty(self, batch: Batch, pairing: Pairing, weight: float) -> Tensor:
        """``weight`` times the weighted distances, a scalar; at weight 0 they are only measured."""
        with torch.set_grad_enabled(weight != 0 and torch.is_grad_enabled()):
            distances = {attribute: self.distance(batch, attribute) for attribute in batch.codes}
        self._last = {attribute: value.detach() for attribute, value in distances.items()}
        zero = batch.image_emb.new_zeros(())
        if weight == 0:
            return zero
        shares = self.shares(batch)
        return weight * sum((shares[a] * distance for a, distance in distances.items()), start=zero)

    @property
    def diagnostics(self) -> dict[str, dict[str, float]]:
        """The last batch's distance of every attribute, before any weight."""
        return {"fairness_distance": {attribute: value.item() for attribute, value in self._last.items()}}
