"""Watching the game: is it being lost, and does the adversary still see what a fresh probe sees?

Two failures are silent otherwise. **Collapse**: the towers give up pairing to escape the adversary; InfoNCE then
stays at log B, what guessing costs. **A fooled adversary**: it reads nothing, so it removes nothing, while a fresh
probe on the same embeddings reads the attribute.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adfair.config import Config
from adfair.evaluation.quick_probe import quick_leakage
from adfair.objectives.contrastive import infonce
from adfair.objectives.interface import Batch, FairnessTerm, Pairing, defended

COLLAPSE_SHARE, COLLAPSE_STEPS, SETTLE = 0.95, 50, 0.15
"""InfoNCE at or above this share of chance (log B, or the mean log of the candidates under a mask), this many steps
in a row, after the warm-up and this share of training."""

BLIND_LOSS, SEEN_AUC, MEMORY = 0.95, 0.80, 2048
"""A head's loss (1 is chance) from which it is at chance; the probe's AUC from which the attribute is read; rows
of recent embeddings that the probe is trained on. Our choice; ``benchmarks/torture_game.py`` has the error rates.
"""

COLLAPSE_REMEDY = (
    "The towers have stopped pairing images and reports. Lower objective.adversary_weight, raise "
    "objective.adversary_steps, or keep objective.delay at .15 or more; without an adversary, lower train.lr."
)
FOOLED_REMEDY = "The adversary reads nothing, so nothing is removed. Raise train.adversary_lr or objective.adversary_steps."


def gradient_balance(batch: Batch, pairing: Pairing, penalty: Tensor, target: str) -> dict[str, float]:
    """Norm of the fairness gradient over that of the contrastive one on the embeddings, and their cosine.

    Args:
        target: ``image``, ``text`` or ``both``, the embeddings that are defended.
    """
    if not penalty.requires_grad:
        return {}
    embeddings = [batch.image_emb if name == "image" else batch.text_emb for name in defended(target)]
    embeddings = [emb for emb in embeddings if emb.requires_grad]  # a frozen tower is pulled nowhere
    if not embeddings:
        return {}
    pull = torch.autograd.grad(pairing.loss, embeddings, retain_graph=True)
    push = torch.autograd.grad(penalty, embeddings, retain_graph=True, allow_unused=True)
    if any(part is None for part in push):
        return {}
    g, h = (torch.cat([part.flatten() for part in parts]) for parts in (pull, push))
    norms = g.norm() * h.norm()
    if norms == 0:
        return {}
    return {
        "gradient_ratio": (h.norm() / g.norm()).item(),
        "gradient_cosine": (g @ h / norms).item(),
    }


def _pairing_and_chance(batch: Batch, pairing: Pairing) -> tuple[float, float]:
    """InfoNCE as it is and as guessing would have it; computed over the whole batch where the loss is another one."""
    if pairing.chance is not None:
        return pairing.per_pair.mean().item(), pairing.chance
    with torch.no_grad():
        return infonce(batch.image_emb, batch.text_emb, batch.logit_scale).item(), math.log(len(batch.rows))


class Watch:
    """Sees every step; yields a warning, once each, when the game fails.

    Args:
        patients: [N], patient of every training row.
    """

    def __init__(self, config: Config, patients: np.ndarray) -> None:
        train, self.aim, self.seed = config.train, config.objective, config.seed
        self.patients, self.every, self.last = patients, train.checkpoint_every, train.steps - 1
        self.settled = max(train.warmup, int(SETTLE * train.steps))
        self.stuck = 0
        self.now: dict[str, float] = {}
        self.views = defended(self.aim.target)
        self.recent: deque[tuple[Mapping[str, Tensor], Mapping[str, Tensor], Tensor]] = deque()
        self.told: set[str] = set()

    def step(
        self, step: int, batch: Batch, pairing: Pairing, fairness: FairnessTerm, weight: float
    ) -> Iterator[dict[str, Any]]:
        """Take a step in; yields ``{"step", "warning", "reason", "remedy"}`` where one is due."""
        guess, chance = _pairing_and_chance(batch, pairing)
        self.now = {
            "step": step,
            "infonce": guess,
            "contrastive_chance": chance,
            "logit_scale": batch.logit_scale.item(),
            "adversary_weight": weight,
        }
        collapsed = step >= self.settled and guess >= COLLAPSE_SHARE * chance
        self.stuck = self.stuck + 1 if collapsed else 0
        if self.stuck >= COLLAPSE_STEPS:
            reason = (
                f"InfoNCE was at or above {COLLAPSE_SHARE:.0%} of chance for {COLLAPSE_STEPS} steps in a row"
            )
            yield from self._once("collapse", step, reason, COLLAPSE_REMEDY)
        if fairness.adversary is not None:
            self._remember(batch)
            if weight > 0 and ((step + 1) % self.every == 0 or step == self.last):
                yield from self._fooled(step, fairness.diagnostics["adversary_loss"])

    def figures(self, pairing: Pairing, fairness: FairnessTerm) -> dict[str, Any]:
        """What is logged of the step that was just seen."""
        return {**self.now, "contrastive": pairing.loss.item(), **fairness.diagnostics}

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold: recent embeddings, how long pairing has failed, and what was already told."""
        told = torch.tensor(list("\n".join(sorted(self.told)).encode()), dtype=torch.uint8)
        state = {"stuck": torch.tensor(self.stuck), "told": told, "batches": torch.tensor(len(self.recent))}
        for i, (embs, codes, rows) in enumerate(self.recent):
            state[f"{i}.rows"] = rows
            for part, values in (("emb", embs), ("codes", codes)):
                state |= {f"{i}.{part}.{name}": tensor for name, tensor in values.items()}
        return state

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a ``state()``."""
        self.stuck = int(state["stuck"])
        self.told = set(filter(None, bytes(state["told"].tolist()).decode().split("\n")))
        self.recent.clear()
        for i in range(int(state["batches"])):
            embs, codes = (
                {k.removeprefix(head): v for k, v in state.items() if k.startswith(head)}
                for head in (f"{i}.emb.", f"{i}.codes.")
            )
            self.recent.append((embs, codes, state[f"{i}.rows"]))

    def _remember(self, batch: Batch) -> None:
        both = {"image": batch.image_emb, "text": batch.text_emb}
        self.recent.append(({view: both[view].detach() for view in self.views}, batch.codes, batch.rows))
        while len(self.recent) * len(batch.rows) > MEMORY + len(batch.rows):
            self.recent.popleft()

    def leakage(self, view: str) -> dict[str, float]:
        """What a fresh probe reads from the embeddings of recent batches, by attribute with groups.

        Args:
            view: ``image`` or ``text``.
        """
        if not self.recent or view not in self.views:
            return {}
        embs, codes, rows = zip(*self.recent, strict=True)
        emb, row = torch.cat([e[view].cpu() for e in embs]).numpy(), torch.cat(rows).numpy()
        names = [name for name, values in codes[0].items() if not values.is_floating_point()]
        return {
            name: quick_leakage(
                emb, torch.cat([c[name].cpu() for c in codes]).numpy(), self.patients[row], seed=self.seed
            )
            for name in names
        }

    def _fooled(self, step: int, losses: Mapping[str, float]) -> Iterator[dict[str, Any]]:
        # A head that reads scores of findings is meant to end at chance on them: nobody is fooled.
        leakage = {view: self.leakage(view) for view in self.views}
        for head, loss in losses.items():
            view, attribute = head.split(":")
            read = leakage.get(view, {})
            seen = max((read[name] for name in attribute.split("*") if name in read), default=math.nan)
            if loss >= BLIND_LOSS and seen >= SEEN_AUC:
                reason = (
                    f"the head {head} is at chance (loss {loss:.2f}) while a fresh probe reads AUC {seen:.2f}"
                )
                yield from self._once(f"fooled:{head}", step, reason, FOOLED_REMEDY)

    def _once(self, name: str, step: int, reason: str, remedy: str) -> Iterator[dict[str, Any]]:
        if name not in self.told:
            self.told.add(name)
            yield {"step": step, "warning": name.split(":")[0], "reason": reason, "remedy": remedy}
