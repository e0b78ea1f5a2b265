"""The adversaries: small networks that try to read race, sex, ... from embeddings."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

HIDDEN = 128  # our choice, after the synthetic study: two layers of this width


def standardise(emb: Tensor) -> Tensor:
    """Batch-standardise the columns of ``emb`` [B, D] (zero mean, unit variance, no learnt scale).

    Unit-norm rows make every column tiny; without this the adversary starts nearly blind and the towers
    learn to hide from a weak opponent (our choice).
    """
    mean = emb.mean(0, keepdim=True)
    spread = emb.var(0, unbiased=False, keepdim=True).add(1e-6).rsqrt()
    return (emb - mean) * spread


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
        self.heads = nn.ModuleDict(
            {f"{view}:{attribute}": _head(dim, k) for view in views for attribute, k in groups.items()}
        )

    def forward(self, embeddings: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """``{"image": [B, D], ...}`` -> group logits by ``"view:attribute"``, each [B, K]."""
        inputs = {view: standardise(embeddings[view]) for view in self.views}
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
