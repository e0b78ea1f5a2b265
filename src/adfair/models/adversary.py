"""The adversaries: small networks that try to read race, sex, ... from embeddings."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

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
        variance, axes = torch.linalg.eigh(self.covariance.double())
        variance = variance.clamp(min=0) + self.floor * variance.mean().clamp(min=1e-12)
        self.matrix.copy_((axes * variance.rsqrt()) @ axes.T)

    def forward(self, emb: Tensor) -> Tensor:
        """Whitened rows, [B, D]."""
        return (emb - self.mean) @ self.matrix


class Adversary(nn.Module):
    """One head per sensitive attribute on each embedding that is attacked.

    Args:
        dim: width D of the embeddings.
        groups: number of groups of each attribute.
        views: which embeddings are attacked: ``("image",)``, ``("text",)`` or both.
    """

    def __init__(self, dim: int, groups: Mapping[str, int], views: tuple[str, ...]) -> None:
        super().__init__()
        self.views = views
        self.whiten = nn.ModuleDict({view: Whitening(dim) for view in views})
        self.heads = nn.ModuleDict(
            {f"{view}:{attribute}": _head(dim, k) for view in views for attribute, k in groups.items()}
        )

    def observe(self, embeddings: Mapping[str, Tensor]) -> None:
        """Take a batch into the whitening of every attacked embedding."""
        for view in self.views:
            self.whiten[view].observe(embeddings[view])  # type: ignore[operator]

    def forward(self, embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``{"image": [B, D], ...}`` -> group logits by ``"view:attribute"``, each [B, K]."""
        inputs = {view: self.whiten[view](embeddings[view]) for view in self.views}
        return {name: head(inputs[name.split(":")[0]]) for name, head in self.heads.items()}


def _head(dim: int, k: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(dim, HIDDEN),
        nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, HIDDEN),
        nn.LeakyReLU(0.2),
        nn.Linear(HIDDEN, k),
    )


def build_adversary(dim: int, groups: Mapping[str, int], target: str, *, seed: int) -> Adversary:
    """Build heads for ``target`` image | text | both; the weights depend on ``seed`` alone."""
    views = ("image", "text") if target == "both" else (target,)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Adversary(dim, groups, views)
