"""Gaps between groups as functions of the groups' base metrics, observed and replicated alike."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adfair.auditing.statistics import INDEX
from adfair.metrics.fairness import equity_scaled, max_min_gap, min_max_ratio

Null = str  # "labelled": attribute exchangeable given the label; "selection": without regard to it.


@dataclass(frozen=True)
class Gap:
    """A gap metric: what it needs, how it is computed, and which direction is unfair.

    ``compute(overall, groups)`` takes lists aligned with ``needs`` of overall [...] and group values [...,
    G].
    """

    name: str
    needs: tuple[str, ...]
    compute: Callable[[list[np.ndarray], list[np.ndarray]], np.ndarray]
    lower: bool = False
    null: Null = "labelled"


def _gap(_: list[np.ndarray], groups: list[np.ndarray]) -> np.ndarray:
    return max_min_gap(groups[0])


def _scaled(overall: list[np.ndarray], groups: list[np.ndarray]) -> np.ndarray:
    return equity_scaled(overall[0], groups[0])


def _worst(_: list[np.ndarray], groups: list[np.ndarray]) -> np.ndarray:
    return groups[0].min(axis=-1)


def _ratio(_: list[np.ndarray], groups: list[np.ndarray]) -> np.ndarray:
    return min_max_ratio(groups[0])


def _odds_worst(_: list[np.ndarray], groups: list[np.ndarray]) -> np.ndarray:
    return np.maximum(max_min_gap(groups[0]), max_min_gap(groups[1]))


def _odds_mean(_: list[np.ndarray], groups: list[np.ndarray]) -> np.ndarray:
    return (max_min_gap(groups[0]) + max_min_gap(groups[1])) / 2.0


def _odds_ratio(_: list[np.ndarray], groups: list[np.ndarray]) -> np.ndarray:
    return np.minimum(min_max_ratio(groups[0]), min_max_ratio(groups[1]))


GAPS = (
    Gap("es_auc", ("auc",), _scaled, lower=True),
    Gap("auc_gap", ("auc",), _gap),
    Gap("worst_group_auc", ("auc",), _worst, lower=True),
    Gap("es_accuracy", ("accuracy",), _scaled, lower=True),
    Gap("demographic_parity_difference", ("selection_rate",), _gap, null="selection"),
    Gap("demographic_parity_ratio", ("selection_rate",), _ratio, lower=True, null="selection"),
    Gap("equal_opportunity_difference", ("tpr",), _gap),
    Gap("equalized_odds_difference", ("tpr", "fpr"), _odds_worst),
    Gap("equalized_odds_difference_mean", ("tpr", "fpr"), _odds_mean),
    Gap("equalized_odds_ratio", ("tpr", "fpr"), _odds_ratio, lower=True),
    Gap("underdiagnosis_gap", ("underdiagnosis_rate",), _gap),
    Gap("ece_gap", ("ece",), _gap),
)
SIGNED = ("auc", "tpr", "fpr", "selection_rate", "ece")


def usable_groups(gap: Gap, observed: np.ndarray) -> np.ndarray:
    """Which groups ([G, M] observed base metrics) have everything the gap needs."""
    return np.isfinite(observed[:, [INDEX[name] for name in gap.needs]]).all(axis=1)


def gap_values(gap: Gap, overall: np.ndarray, groups: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The gap [...] from base metrics: ``overall`` [..., M] and ``groups`` [..., G, M].

    Only the groups of ``usable`` enter, the same in every replicate; NaN with fewer than two of them.
    """
    if usable.sum() < 2:
        return np.full(groups.shape[:-2], np.nan)
    columns = [INDEX[name] for name in gap.needs]
    kept = groups[..., usable, :]
    return gap.compute([overall[..., k] for k in columns], [kept[..., k] for k in columns])


def signed_pairs(sizes: list[int], limit: int = 6) -> list[tuple[int, int]]:
    """Pairs of groups to subtract: all of up to ``limit`` groups, else each against the largest one."""
    count = len(sizes)
    if count <= limit:
        return [(a, b) for a in range(count) for b in range(a + 1, count)]
    largest = int(np.argmax(sizes))
    return [(a, largest) for a in range(count) if a != largest]
