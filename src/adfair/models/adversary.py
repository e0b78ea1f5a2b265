"""The adversaries: small networks that try to read race, sex, ... from embeddings."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

FRESH = 64
"""Up to this width the whitening is worked out anew at every batch; twice as wide, every second batch, and so on:
the decomposition costs the cube of the width, and the statistics move by a tenth a batch (our choice)."""

HIDDEN = 128  # our choice, after the synthetic study: two layers of this width


class Whitening(nn.Module):
    """Decorrelate embeddings by the running covariance of recent batches, so that no direction is too faint to read.

    Unit-norm rows make every column tiny, and towers that are fought learn to hide a group in directions of
    little variance: an adversary on merely standardised columns is blind there, a fresh probe is not (our
    choice). No gradient flows through the statistics.

    Args:
        dim: width D. momentum: weight of the newest batch. floor: smallest variance told apart, as a share of
            the mean variance.
    """

    mean: Tensor
    covariance: Tensor
    matrix: Tensor
    batches: Tensor

    def __init__(self, dim: int, *, momentum: float = 0.1, floor: float = 0.1) -> None:
        super().__init__()
        self.momentum, self.floor = momentum, floor
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("covariance", torch.zeros(dim, dim))
        self.register_buffer("matrix", torch.eye(dim))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def observe(self, emb: Tensor) -> None:
        """Take a batch [B, D] into the statistics."""
        self.batches += 1
        share = max(self.momentum, 1.0 / int(self.batches))
        self.mean += share * (emb.mean(0) - self.mean)
        centred = emb - self.mean
        self.covariance += share * (centred.T @ centred / len(emb) - self.covariance)
        if int(self.batches - 1) % max(1, len(self.mean) // FRESH):
            return
        variance, axes = torch.linalg.eigh(self.covariance.double())
        variance = variance.clamp(min=0) + self.floor * variance.mean().clamp(min=1e-12)
        self.matrix.copy_((axes * variance.rsqrt()) @ axes.T)

    def forward(self, emb: Tensor) -> Tensor:
        """Whitened rows, [B, D]."""
        return (emb - self.mean) @ self.matrix


class Adversary(nn.Module):
    """One head per sensitive attribute on each view: an embedding, or scores made from it.

    Args:
        dims: width of each view, for example ``{"image": D, "text": D}``.
        groups: number of groups of each attribute; 1 for a continuous one, whose head predicts its value.
        given: how many columns the heads are told besides the view, unwhitened.
    """

    def __init__(self, dims: Mapping[str, int], groups: Mapping[str, int], *, given: int = 0) -> None:
        super().__init__()
        self.views = tuple(dims)
        self.whiten = nn.ModuleDict({view: Whitening(dim) for view, dim in dims.items()})
        self.heads = nn.ModuleDict(
            {
                f"{view}:{attribute}": _head(dim + given, k)
                for view, dim in dims.items()
                for attribute, k in groups.items()
            }
        )

    def observe(self, views: Mapping[str, Tensor]) -> None:
        """Take a batch into the whitening of every view."""
        for view in self.views:
            self.whiten[view].observe(views[view])  # type: ignore[operator]

    def forward(self, views: Mapping[str, Tensor], given: Tensor | None = None) -> dict[str, Tensor]:
        """``{"image": [B, D], ...}`` and ``given`` [B, G] -> logits by ``"view:attribute"``, each [B, K]."""
        inputs = {view: self.whiten[view](views[view]) for view in self.views}
        if given is not None:
            inputs = {view: torch.cat([x, given], dim=1) for view, x in inputs.items()}
        return {name: head(inputs[name.split(":")[0]]) for name, head in self.heads.items()}


def _head(dim: int, k: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(dim, HIDDEN),
        nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, HIDDEN),
        nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, k),
    )


def build_adversary(
    dims: Mapping[str, int], groups: Mapping[str, int], *, seed: int, given: int = 0
) -> Adversary:
    """Heads on every view, see :class:`Adversary`; the weights depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Adversary(dims, groups, given=given)
