"""Maximum mean discrepancy: the image embeddings of a group should be distributed like everyone else's."""

import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.objectives.interface import Batch
from adfair.objectives.term import MIN_ROWS, DistanceTerm, group_codes

WEIGHT = 1.0
"""Our choice: on a synthetic cohort kept for tuning, 5 cost much accuracy."""
BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Multiples of the median squared distance; our choice."""


def median_square(x: Tensor) -> Tensor:
    """The median (the lower one of two) of the squared distances between different rows of [n, D], without gradient.

    At least the rounding of unit-norm rows: where most rows are alike, all of them count as near.
    """
    squares = F.pdist(x.detach()).square()
    return squares.median().clamp(min=torch.finfo(x.dtype).eps)


def kernel_matrix(x: Tensor, scale: Tensor) -> Tensor:
    """Mean over ``BANDWIDTHS`` b of exp(-|x_i - x_j|^2 / (b scale)), [n, n], with 1 on the diagonal.

    Args:
        x: [n, D]. scale: a positive scalar, in units of x squared.
    """
    x = x - x.mean(dim=0)  # changes no distance, and keeps those of rows in a narrow cone exact
    norms = x.square().sum(dim=1)
    squares = (norms[:, None] + norms - 2 * x @ x.T).clamp(min=0)
    return torch.stack([(-squares / (b * scale)).exp() for b in BANDWIDTHS]).mean(dim=0)


def mmd_one_against_rest(
    x: Tensor, codes: Tensor, *, least: int = MIN_ROWS, scale: Tensor | None = None
) -> Tensor:
    """Unbiased squared MMD between each group and the other known rows, mean over groups, a scalar.

    The unbiased estimate is 0 in the mean where groups do not differ, and may then be negative; the biased one
    is never 0 for small groups and its gradient draws rows together. Groups with fewer than ``least`` rows, or
    with fewer than that outside, add nothing; without any the mean is 0. Mean over groups: our choice.

    Args:
        x: [B, D]. codes: [B] int64; -1 is unknown and is left out.
        scale: of the kernel; by default ``median_square`` of the known rows, so that shrinking everything gains
            nothing.

    Source: Gretton et al. 2012, "A Kernel Two-Sample Test", lemma 6, and section 8 for the median.
    """
    known = codes >= 0
    if known.sum() < 2:
        return x.new_zeros(())
    member = F.one_hot(codes[known]).to(x.dtype)
    x = x[known]
    within = member.T @ kernel_matrix(x, median_square(x) if scale is None else scale) @ member
    n = member.sum(dim=0)
    m = n.sum() - n
    # Sums of the kernel inside a group, between it and the rest, and inside the rest.
    inside = within.diag()
    between = within.sum(dim=1) - inside
    outside = within.sum() - inside - 2 * between
    use = (n >= least) & (m >= least)
    n, m, inside, between, outside = (t[use] for t in (n, m, inside, between, outside))
    each = (inside - n) / (n * (n - 1)) + (outside - m) / (m * (m - 1)) - 2 * between / (n * m)
    return each.sum() / max(1, len(each))


class MmdTerm(DistanceTerm):
    """The fairness term ``mmd``, on the image embeddings: ``mmd_one_against_rest``, mean over attributes.

    Source: Gretton et al. 2012; as a penalty on representations, Louizos et al. 2016, "The Variational Fair
    Autoencoder". One group against the rest, and images alone, are our choice.
    """

    def __init__(self, *, weight: float = WEIGHT) -> None:
        super().__init__(weight=weight)

    def distance(self, batch: Batch, attribute: str) -> Tensor:
        """Mean squared MMD of the groups of one attribute."""
        return mmd_one_against_rest(batch.image_emb, group_codes(batch.codes, attribute))
