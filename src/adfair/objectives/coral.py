"""CORAL: the image embeddings of a group should have everyone else's mean and covariance."""

from torch import Tensor

from adfair.objectives.interface import Batch
from adfair.objectives.term import MIN_ROWS, DistanceTerm, group_codes, group_rows

WEIGHT = 3.0
"""Our choice: on a synthetic cohort kept for tuning, 10 cost much accuracy."""


def covariance(x: Tensor) -> Tensor:
    """Sample covariance of rows [n, D], [D, D], divided by n - 1."""
    centred = x - x.mean(dim=0)
    return centred.T @ centred / (len(x) - 1)


def coral_distance(x: Tensor, y: Tensor) -> Tensor:
    """|C_x - C_y|_F^2 / 4 + |mean_x - mean_y|^2, a scalar.

    The first part is the published |C_x - C_y|_F^2 / (4 D^2) of rows scaled by sqrt(D), which gives unit-norm
    rows coordinates of size 1. The second is our addition: a shift leaves every covariance alone, so without it
    the groups could lie apart at no cost.

    Args:
        x, y: [n, D] and [m, D], at least 2 rows each.

    Source: Sun and Saenko 2016, "Deep CORAL", equations 1-3.
    """
    spread = (covariance(x) - covariance(y)).square().sum() / 4
    return spread + (x.mean(dim=0) - y.mean(dim=0)).square().sum()


def coral_one_against_rest(x: Tensor, codes: Tensor, *, least: int = MIN_ROWS) -> Tensor:
    """``coral_distance`` between each group and the other known rows, mean over groups (our choice), a scalar.

    Groups with fewer than ``least`` rows, or with fewer than that outside, add nothing; without any it is 0.

    Args:
        x: [B, D]. codes: [B] int64; -1 is unknown and is left out.
    """
    known = codes >= 0
    distances = []
    for rows in group_rows(codes, least=least):
        rest = known & (codes != codes[rows[0]])
        if rest.sum() >= least:
            distances.append(coral_distance(x[rows], x[rest]))
    return sum(distances, start=x.new_zeros(())) / max(1, len(distances))


class CoralTerm(DistanceTerm):
    """The fairness term ``coral``, on the image embeddings: ``coral_one_against_rest``, mean over attributes."""

    def __init__(self, *, weight: float = WEIGHT) -> None:
        super().__init__(weight=weight)

    def distance(self, batch: Batch, attribute: str) -> Tensor:
        """Mean distance of the groups of one attribute."""
        return coral_one_against_rest(batch.image_emb, group_codes(batch.codes, attribute))
