"""A small network after a frozen image tower, trained so that adversaries can no longer read a group."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from adfair.models.adversary import build_adversary
from adfair.models.posthoc import SLOPE, Residual
from adfair.objectives.adversarial import reverse_gradient, scheduled_weight
from adfair.objectives.adversary_losses import adversary_loss
from adfair.objectives.contrastive import infonce

OBSERVE_EVERY, MOMENTUM = 10, 0.5
"""Whitening is renewed every ten steps from ten batches, half of it new: its cost grows with the cube of D."""


@dataclass(frozen=True, kw_only=True)
class AdapterSettings:
    """How an adapter is trained; all defaults are our choice, made on synthetic cohorts of seeds 100 and 101.

    Attributes:
        weight: of the adversaries' loss: 0 for the first ``delay`` share of steps, then linear over ``ramp``.
        closeness: of the mean of 1 - cosine between an embedding before and after.
        hidden: width of the adapter's two hidden layers.
        lr: at the start; a half cosine takes it to 0.
        adversary_steps: on batches of their own, for each step of the adapter.
        seed: of the weights and the batches.
    """

    weight: float = 8.0
    closeness: float = 1.0
    steps: int = 1250
    batch_size: int = 256
    hidden: int = 128
    lr: float = 4e-3
    adversary_lr: float = 1e-2
    adversary_steps: int = 2
    delay: float = 0.1
    ramp: float = 0.3
    seed: int = 0


class Adapter(nn.Module):
    """z -> normalise(z + f(z)), f a perceptron whose last layer starts at zero: at first nothing changes."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        last = nn.Linear(hidden, dim)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.LeakyReLU(SLOPE),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(SLOPE),
            last,
        )

    def forward(self, emb: Tensor) -> Tensor:
        """Unit-norm rows [B, D] of unit-norm rows [B, D]."""
        return F.normalize(emb + self.layers(emb), dim=1)

    def transform(self) -> Residual:
        """The same function in numpy."""
        linear = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        return Residual(tuple((each.weight.detach().numpy(), each.bias.detach().numpy()) for each in linear))


@dataclass(frozen=True, kw_only=True)
class AdapterData:
    """What an adapter is trained on.

    Attributes:
        image_emb, text_emb: float32 [N, D], unit-norm rows; row i of one pairs with row i of the other.
        codes: per attribute int64 [N], group codes; -1 is unknown.
        weights: per attribute float64 [N], of the rows in the adversaries' loss, within each group.
        logit_scale: the towers', 1 / temperature.
    """

    image_emb: Tensor
    text_emb: Tensor
    codes: Mapping[str, Tensor]
    weights: Mapping[str, Tensor]
    logit_scale: float


def weighted_shares(codes: Tensor, weights: Tensor) -> Tensor:
    """What each row weighs so that every group present weighs the same: [B], sum 1, unknown rows 0.

    As ``balanced_shares``, with rows by weight within their group.
    """
    target, weights = codes.clamp(min=0), weights * (codes >= 0)
    totals = torch.zeros(int(target.max()) + 1, dtype=weights.dtype).index_add(0, target, weights)
    present = int((totals > 0).sum())
    if present < 2:
        return torch.zeros_like(weights)
    return weights / totals[target].clamp(min=torch.finfo(weights.dtype).tiny) / present


def fit_adapter(
    data: AdapterData,
    *,
    groups: Mapping[str, int],
    settings: AdapterSettings,
    progress: Callable[[float], None] = lambda share: None,
) -> Residual:
    """Train an adapter: InfoNCE against the frozen texts + closeness - weight x the adversaries' loss.

    Args:
        groups: number of groups of each attribute.
        progress: called with the share of steps that is done.

    Source: the minimax game of Yi et al. 2025 (arXiv 2506.23467) on frozen embeddings; all else is our choice.
    """
    game = _Game(data, groups, settings)
    with _one_thread():
        for step in range(settings.steps):
            if step % OBSERVE_EVERY == 0:
                game.observe()
            for _ in range(settings.adversary_steps):
                game.attack()
            weight = scheduled_weight(
                step, settings.steps, weight=settings.weight, delay=settings.delay, ramp=settings.ramp
            )
            game.play(weight)
            progress((step + 1) / settings.steps)
    return game.adapter.transform()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Matrices this small gain nothing from a second thread, and one gives the same bits on any machine size."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Game:
    """The two sides and their optimisers."""

    def __init__(self, data: AdapterData, groups: Mapping[str, int], settings: AdapterSettings) -> None:
        self.data, self.settings = data, settings
        self.generator = torch.Generator().manual_seed(settings.seed)
        dim = data.image_emb.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.adapter = Adapter(dim, settings.hidden)
        self.adversary = build_adversary({"image": dim}, groups, seed=settings.seed)
        self.adversary.whiten["image"].momentum = MOMENTUM  # type: ignore[assignment]
        self.ours = torch.optim.AdamW(
            self.adapter.parameters(), lr=settings.lr, weight_decay=1e-3, fused=True
        )
        self.theirs = torch.optim.Adam(self.adversary.parameters(), lr=settings.adversary_lr, fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.ours, lambda step: 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        )

    def _draw(self, count: int) -> Tensor:
        return torch.randint(len(self.data.image_emb), (count,), generator=self.generator)

    @torch.no_grad()
    def observe(self) -> None:
        """Show the embeddings as they are now to the adversaries' whitening."""
        rows = self._draw(OBSERVE_EVERY * self.settings.batch_size)
        self.adversary.observe({"image": self.adapter(self.data.image_emb[rows])})

    def attack(self) -> None:
        """One step of the adversaries, the adapter standing still."""
        rows = self._draw(self.settings.batch_size)
        with torch.no_grad():
            emb = self.adapter(self.data.image_emb[rows])
        self.theirs.zero_grad()
        self._opposition(emb, rows).backward()
        self.theirs.step()

    def play(self, weight: float) -> None:
        """One joint step: the adapter keeps what the texts say, and where an embedding was, and hides the rest."""
        rows = self._draw(self.settings.batch_size)
        before = self.data.image_emb[rows]
        emb = self.adapter(before)
        pairing = infonce(emb, self.data.text_emb[rows], torch.tensor(self.data.logit_scale))
        moved = (1 - (emb * before).sum(1)).mean()
        opposition = self._opposition(reverse_gradient(emb, weight), rows)
        self.ours.zero_grad()
        self.theirs.zero_grad()
        (pairing + self.settings.closeness * moved + opposition).backward()
        self.ours.step()
        self.theirs.step()
        self.schedule.step()

    def _opposition(self, emb: Tensor, rows: Tensor) -> Tensor:
        """The adversaries' loss on a batch, 1.0 at chance, mean over attributes."""
        codes = {name: each[rows] for name, each in self.data.codes.items()}
        shares = {name: weighted_shares(codes[name], each[rows]) for name, each in self.data.weights.items()}
        return adversary_loss(self.adversary({"image": emb}), codes, shares)


def adapter_data(
    image_emb: np.ndarray,
    text_emb: np.ndarray,
    codes: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
    *,
    logit_scale: float,
) -> AdapterData:
    """The same arrays as tensors, without a copy."""
    return AdapterData(
        image_emb=torch.from_numpy(image_emb),
        text_emb=torch.from_numpy(text_emb),
        codes={name: torch.from_numpy(each) for name, each in codes.items()},
        weights={name: torch.from_numpy(each) for name, each in weights.items()},
        logit_scale=logit_scale,
    )
