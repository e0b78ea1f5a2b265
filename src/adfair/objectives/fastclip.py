"""FastCLIP's global contrastive loss: every pair remembers how it fares against the whole data set.

For each image i, g_i is the mean over the other texts j of the batch of exp((s_ij - s_ii) / tau), and likewise for
each text. A batch is a small sample of the data, so a moving average u_i of g_i is kept for every row and the
gradient of log(eps + g_i) is taken at u_i instead of at g_i. Source: Wei et al. 2024, "FastCLIP", section 4;
Yuan et al. 2022, "Provable Stochastic Optimization for Global Contrastive Learning". Everything is in logarithms,
since exp(2 / tau) overflows (our choice).
"""

import math
from typing import Literal

import torch
from torch import Tensor

from adfair.errors import TrainingError
from adfair.objectives.chunked import in_strips, tile_size
from adfair.objectives.contrastive import weighted_mean
from adfair.objectives.interface import Batch, Pairing

Temperature = Literal["constant", "individual", "global"]
EPS = 1e-14
TAU_LOWEST, TAU_HIGHEST, TAU_LR = 0.01, 1.0, 1e-3  # of individual temperatures (our choice)


def gamma(step: int, *, steps_per_epoch: int, epochs: float, lowest: float) -> float:
    """Weight of the newest estimate: 1 in the first epoch, then half a cosine down to ``lowest`` at ``epochs``."""
    epoch = step // steps_per_epoch
    if epoch == 0:
        return 1.0
    share = min(1.0, epoch / max(1.0, epochs))
    return lowest + (1 - lowest) * 0.5 * (1 + math.cos(math.pi * share))


def log_inner(
    image_emb: Tensor, text_emb: Tensor, tau: tuple[Tensor, Tensor], *, chunk: int | None = None
) -> tuple[Tensor, Tensor]:
    """log g of every image and of every text, [B] each.

    Args:
        image_emb, text_emb: [B, D], unit-norm rows, B at least 2.
        tau: temperatures of images and of texts, scalars or [B].
        chunk: rows of a strip, see ``chunked.tile_size``; 0 holds the whole [B, B] similarities.
    """
    if tile := tile_size(len(image_emb), chunk):
        return _log_inner_in_strips(image_emb, text_emb, tau, tile)
    similarity = image_emb @ text_emb.T
    own = similarity.diagonal()
    others = torch.eye(len(own), dtype=torch.bool, device=own.device)
    parts = []
    for rows, t in ((similarity, tau[0]), (similarity.T, tau[1])):
        scaled = ((rows - own[:, None]) / t.reshape(-1, 1)).masked_fill(others, -math.inf)
        parts.append(scaled.logsumexp(1) - math.log(len(own) - 1))
    return parts[0], parts[1]


def _log_inner_in_strips(
    image_emb: Tensor, text_emb: Tensor, tau: tuple[Tensor, Tensor], tile: int
) -> tuple[Tensor, Tensor]:
    n, own = len(image_emb), (image_emb * text_emb).sum(1)

    def side(mine: Tensor, others: Tensor, t: Tensor) -> Tensor:
        t = t.expand(n)

        def part(rows: slice) -> Tensor:
            scaled = (mine[rows] @ others.T - own[rows, None]) / t[rows, None]
            scaled.diagonal(rows.start).fill_(-math.inf)
            return scaled.logsumexp(1) - math.log(n - 1)

        return in_strips(part, n, tile)

    return side(image_emb, text_emb, tau[0]), side(text_emb, image_emb, tau[1])


class FastCLIP:
    """The objective ``fastclip``.

    The value is the mean of log(eps + u) over images and texts, halved as InfoNCE is; its gradient on the
    embeddings is that of the global loss over tau, so that it has InfoNCE's scale (our choice).

    Args:
        n: rows of the training split. index: what they are, in order (a hash); a resumed state must agree.
        temperature: ``constant`` (v1), ``individual`` (v2: one a row and side, learned) or ``global`` (v3: the
            towers' logit scale, learned with ``rho``).
        rho: pulls temperatures down; 6.5 on CC3M by the paper.
        chunk: as in :func:`log_inner`.
    """

    def __init__(
        self,
        n: int,
        *,
        index: str,
        steps_per_epoch: int,
        gamma_epochs: float,
        gamma_min: float = 0.2,
        temperature: Temperature = "global",
        rho: float = 6.5,
        chunk: int | None = None,
    ) -> None:
        self.index, self.temperature, self.rho, self.chunk = index, temperature, rho, chunk
        self.schedule = {"steps_per_epoch": steps_per_epoch, "epochs": gamma_epochs, "lowest": gamma_min}
        self.log_u = torch.full((2, n), -math.inf)
        self.tau = torch.full((2, n), math.nan)  # individual temperatures, set at a row's first visit
        self.moments = torch.zeros(2, 2, n)
        self.visits = torch.zeros(n, dtype=torch.int64)

    def __call__(self, batch: Batch) -> Pairing:
        """The loss of a batch; the moving averages of its rows are updated."""
        rows = batch.rows.cpu()
        tau = self._temperatures(batch, rows)
        log_g = torch.stack(log_inner(batch.image_emb, batch.text_emb, tau, chunk=self.chunk))
        log_u = self._remember(log_g.detach(), rows, batch.step)
        log_floor = torch.logaddexp(log_u, torch.full_like(log_u, math.log(EPS)))
        value, surrogate = log_floor, (log_g - log_floor).exp()
        if self.temperature != "constant":
            surrogate = surrogate + (log_floor + self.rho) * (torch.stack(tau) / torch.stack(tau).detach())
        per_pair = (value + surrogate - surrogate.detach()).mean(0)
        if self.temperature == "individual":
            self._learn(tau, per_pair, rows)
        self.visits[rows] += 1
        return Pairing(weighted_mean(per_pair, batch.weights), per_pair)

    def state(self) -> dict[str, Tensor]:
        """Moving averages, temperatures and the index they belong to."""
        index = torch.tensor(list(self.index.encode()), dtype=torch.uint8)
        return {
            "log_u": self.log_u,
            "tau": self.tau,
            "moments": self.moments,
            "visits": self.visits,
            "index": index,
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Continue from a ``state()``. Raises TrainingError where the training rows are not the same, in order."""
        if bytes(state["index"].tolist()).decode() != self.index:
            raise TrainingError(
                "FastCLIP keeps a state for every training row, and the rows of this cohort are not those (or not "
                "in the order) of the checkpoint. Resume with the same cohort, or start a new run."
            )
        self.log_u, self.tau = state["log_u"].clone(), state["tau"].clone()
        self.moments, self.visits = state["moments"].clone(), state["visits"].clone()

    def _remember(self, log_g: Tensor, rows: Tensor, step: int) -> Tensor:
        rate = gamma(step, **self.schedule)  # type: ignore[arg-type]
        old, new = self.log_u[:, rows].to(log_g), log_g
        if rate < 1:
            # A row met for the first time has nothing to be averaged with.
            mixed = torch.logaddexp(old + math.log1p(-rate), new + math.log(rate))
            new = torch.where(old.isinf(), new, mixed)
        self.log_u[:, rows] = new.to(self.log_u)
        return new

    def _temperatures(self, batch: Batch, rows: Tensor) -> tuple[Tensor, Tensor]:
        if self.temperature == "global":
            return (1 / batch.logit_scale).expand(len(rows)), (1 / batch.logit_scale).expand(len(rows))
        start = float(1 / batch.logit_scale.detach())
        if self.temperature == "constant":
            fixed = batch.image_emb.new_full((len(rows),), start)
            return fixed, fixed
        known = self.tau[:, rows]
        tau = torch.where(known.isnan(), torch.full_like(known, start), known).to(batch.image_emb)
        tau.requires_grad_()
        return tau[0], tau[1]

    def _learn(self, tau: tuple[Tensor, Tensor], per_pair: Tensor, rows: Tensor) -> None:
        """One Adam step on the temperatures of the batch's rows."""
        grads = torch.stack(torch.autograd.grad(per_pair.sum(), tau, retain_graph=True)).to(self.tau)
        first, second = self.moments[:, :, rows]
        first, second = 0.9 * first + 0.1 * grads, 0.999 * second + 0.001 * grads**2
        self.moments[:, :, rows] = torch.stack([first, second])
        seen = (self.visits[rows] + 1).to(self.tau)
        step = first / (1 - 0.9**seen) / ((second / (1 - 0.999**seen)).sqrt() + 1e-8)
        updated = torch.stack(tau).detach().to(self.tau) - TAU_LR * step
        self.tau[:, rows] = updated.clamp(TAU_LOWEST, TAU_HIGHEST)
