"""What an objective may need when it is built."""

from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor

from adfair.config import Config
from adfair.data.loader import TrainData
from adfair.models.batch_norm import same_rows_everywhere
from adfair.models.dual_encoder import DualEncoder
from adfair.objectives.adversarial import scheduled_weight
from adfair.objectives.group_adjusted import GroupRatios


@dataclass(frozen=True)
class Setting:
    """A run that is about to start: its configuration, engine, towers and data."""

    config: Config
    fabric: Fabric
    model: DualEncoder
    data: TrainData

    @property
    def dim(self) -> int:
        """Width of the embeddings."""
        return self.model.config["embed_dim"]

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch, the remainder dropped."""
        return max(1, len(self.data) // self.config.data.batch_size)

    @property
    def group_ratios(self) -> GroupRatios:
        """Of the training split, on the device of the run."""
        device = self.fabric.device
        return GroupRatios(self.data.cells.to(device), self.data.log_ratios.to(device))

    def schedule(self, step: int) -> float:
        """From 0 to 1 as the adversary's weight grows: ``objective.delay`` and ``objective.ramp``."""
        aim = self.config.objective
        return scheduled_weight(step, self.config.train.steps, weight=1.0, delay=aim.delay, ramp=aim.ramp)

    def fairness_weight(self, recommended: float) -> float:
        """``objective.fairness_weight``, or what the term's file recommends."""
        asked = self.config.objective.fairness_weight
        return recommended if asked is None else asked

    @torch.no_grad()
    def embed(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings of training rows as the towers are now: ``image_emb``, ``text_emb`` [B, D], ``logit_scale``."""
        device = self.fabric.device
        images, tokens = self.data.images[rows].to(device), self.data.tokens[rows].to(device)
        with same_rows_everywhere():
            return self.model.net(self.model.prepare(images), tokens)[:3]

    @torch.no_grad()
    def finding_directions(self) -> Tensor:
        """Positive minus negative text direction of every finding as the text tower is now, [F, D]."""
        sides = [
            [self._direction(tokens.to(self.fabric.device)) for tokens in pair]
            for pair in self.data.prompt_tokens
        ]
        return torch.stack([positive - negative for positive, negative in sides])

    def _direction(self, tokens: Tensor) -> Tensor:
        emb = self.model.net.encode_text(tokens, normalize=True).mean(0)  # type: ignore[operator]
        return emb / emb.norm()
