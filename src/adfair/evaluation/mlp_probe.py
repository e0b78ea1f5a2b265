"""The nonlinear probe: a small network that starts as the linear probe and leaves it only if that helps.

Logits are ``linear(x) + mlp(whitened x)``: the linear part starts at the fitted logistic regression, the last
layer of the network at zero. Training stops on the held-out AUC and step 0 counts, so a linear code is read
as well as by the logistic regression, however weak it is; the network reads products of directions (XOR) and
lengths. Architecture and search are fixed here so that two models are always probed alike (our choice).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from adfair.evaluation.probes import LinearProbe, Scaling, fit_linear, log_odds, macro_auc


@dataclass(frozen=True)
class Setting:
    """One entry of the search."""

    widths: tuple[int, ...]
    dropout: float
    lr: float
    weight_decay: float


SETTINGS = (
    Setting(widths=(256,), dropout=0.5, lr=5e-3, weight_decay=1.0),
    Setting(widths=(128, 128), dropout=0.3, lr=3e-3, weight_decay=3.0),
)
EPOCHS, PATIENCE, BATCH = 40, 8, 256


class ProbeNet(nn.Module):
    """[N, D] standardised -> [N, K] logits. Draws only from ``generator``, never from torch's global one."""

    def __init__(
        self, linear: LinearProbe, *, whitening: np.ndarray, setting: Setting, generator: torch.Generator
    ) -> None:
        super().__init__()
        dim, classes = linear.coef.shape
        sizes = (dim, *setting.widths)
        self.linear = skip_init(nn.Linear, dim, classes)
        self.hidden = nn.ModuleList(skip_init(nn.Linear, i, o) for i, o in pairwise(sizes))
        self.last = skip_init(nn.Linear, sizes[-1], classes)
        self.whitening = torch.tensor(whitening, dtype=torch.float32)
        self.dropout, self.generator = setting.dropout, generator
        self._initialise(linear)

    @torch.no_grad()
    def _initialise(self, linear: LinearProbe) -> None:
        for layer in self.hidden:
            weight, bias = layer.parameters()
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=self.generator)
            nn.init.zeros_(bias)
        self.last.weight.zero_()
        self.last.bias.zero_()
        self.linear.weight.copy_(torch.tensor(linear.coef.T))
        self.linear.bias.copy_(torch.tensor(linear.intercept))

    def _drop(self, h: Tensor) -> Tensor:
        keep = torch.rand(h.shape, generator=self.generator) >= self.dropout
        return h * keep / (1.0 - self.dropout)

    def forward(self, x: Tensor) -> Tensor:
        h = x @ self.whitening
        for layer in self.hidden:
            h = F.gelu(layer(h))
            h = self._drop(h) if self.training else h
        return self.linear(x) + self.last(h)

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Log-softmax [N, K] in evaluation mode."""
        self.eval()
        with torch.no_grad():
            logits = self(torch.from_numpy(x.astype(np.float32)))
        return torch.log_softmax(logits.double(), dim=1).numpy()


@dataclass(frozen=True)
class MLPProbe:
    """Networks of one setting, one a fold, whose mean log-probabilities are the probe's.

    Without networks it is ``linear``: no network read more than that from the held-out folds.
    """

    linear: LinearProbe
    networks: tuple[ProbeNet, ...]

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Logits [N, K] of standardised embeddings [N, D]."""
        if not self.networks:
            return self.linear.logits(x)
        return np.mean([network.scores(x) for network in self.networks], axis=0)


def fit_mlp(
    x: np.ndarray, codes: np.ndarray, fold: np.ndarray, *, scaling: Scaling, linear: LinearProbe, seed: int
) -> MLPProbe:
    """Train one network a fold, stopped on that fold; the first fold also picks the setting.

    The networks are kept when their mean held-out AUC exceeds A, that of their linear starting points, by
    more than sqrt(A (1 - A) / N), about a standard error of A: a smaller gain is mostly the luck of choosing
    the best epoch, and following it would make the probe weaker than the linear one.

    Args:
        x: float64 [N, D], standardised by ``scaling``.
        codes: int [N], every class present in and outside every fold.
        fold: int [N], from :func:`adfair.evaluation.probes.patient_folds`.
        linear: the linear probe, whose penalty the starting point of each network shares.
        seed: of the initial weights, the order of rows and the dropout.
    """
    generator = torch.Generator().manual_seed(seed)

    def train(f: int, setting: Setting) -> Trained:
        out = fold == f
        start = fit_linear(x[~out], codes[~out], scaling=scaling, whiten=linear.whiten, c=linear.c)
        network = ProbeNet(start, whitening=scaling.whitening, setting=setting, generator=generator)
        return Trained(
            network, *_train(network, (x[~out], codes[~out]), (x[out], codes[out]), setting=setting)
        )

    first = [train(0, setting) for setting in SETTINGS]
    chosen = int(np.argmax([trained.after for trained in first]))
    members = [first[chosen], *(train(int(f), SETTINGS[chosen]) for f in np.unique(fold)[1:])]
    before, after = (float(np.mean([getattr(m, name) for m in members])) for name in ("before", "after"))
    worth_it = after - before > math.sqrt(before * (1 - before) / len(x))
    return MLPProbe(linear, tuple(m.network for m in members) if worth_it else ())


class Trained(NamedTuple):
    """A network with its held-out AUC before and after training."""

    network: ProbeNet
    before: float
    after: float


Rows = tuple[np.ndarray, np.ndarray]


def _train(network: ProbeNet, rows: Rows, held_out: Rows, *, setting: Setting) -> tuple[float, float]:
    """Train until the held-out AUC stops rising, restore the best state; return the AUC before and after."""
    x, codes = torch.from_numpy(rows[0].astype(np.float32)), torch.from_numpy(rows[1].astype(np.int64))
    counts = torch.bincount(codes)
    weight = len(codes) / (len(counts) * counts.float())
    optimiser = _optimiser(network, setting)
    start, state, waited = _auc(network, held_out), _copy(network), 0
    best = start
    for _ in range(EPOCHS):
        network.train()
        for batch in torch.randperm(len(x), generator=network.generator).split(BATCH):
            loss = F.cross_entropy(network(x[batch]), codes[batch], weight=weight)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        value, waited = _auc(network, held_out), waited + 1
        if value > best:
            best, state, waited = value, _copy(network), 0
        if waited == PATIENCE:
            break
    network.load_state_dict(state)
    return start, best


def _optimiser(network: ProbeNet, setting: Setting) -> torch.optim.Optimizer:
    # The linear part starts at its own optimum under its own penalty; decay would only pull it away.
    groups: Sequence[dict] = [
        {"params": network.linear.parameters(), "weight_decay": 0.0},
        {"params": [*network.hidden.parameters(), *network.last.parameters()]},
    ]
    return torch.optim.AdamW(groups, lr=setting.lr, weight_decay=setting.weight_decay, fused=True)


def _auc(network: ProbeNet, rows: Rows) -> float:
    return macro_auc(rows[1], log_odds(network.scores(rows[0])))


def _copy(network: ProbeNet) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}
