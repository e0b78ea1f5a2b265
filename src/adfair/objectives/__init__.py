"""Objectives by name: what pulls pairs together, and what keeps groups out of the embeddings."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from adfair.config import Config
from adfair.objectives.adversarial import AdversarialTerm
from adfair.objectives.contrastive import infonce
from adfair.objectives.none import NoTerm

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from adfair.data.loader import TrainData

CONTRASTIVE: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"infonce": infonce}

__all__ = ["CONTRASTIVE", "AdversarialTerm", "NoTerm", "fairness_term", "infonce"]


def _adversarial(config: Config, fabric: "Fabric", *, dim: int, data: "TrainData") -> AdversarialTerm:
    import torch

    from adfair.models.adversary import build_adversary

    groups = {name: data.group_counts[name] for name in config.objective.attributes}
    adversary = build_adversary(dim, groups, config.objective.target, seed=config.seed)
    optimizer = torch.optim.Adam(adversary.parameters(), lr=config.train.adversary_lr, fused=True)
    module, optimizer = fabric.setup(adversary, optimizer)
    aim = config.objective
    return AdversarialTerm(module, optimizer, fabric.backward, steps=aim.adversary_steps, update=aim.update)


FAIRNESS: dict[str, Callable[..., Any]] = {"none": lambda *_, **__: NoTerm(), "adversarial": _adversarial}


def fairness_term(config: Config, fabric: "Fabric", *, dim: int, data: "TrainData") -> Any:
    """Build the fairness term a configuration names."""
    return FAIRNESS[config.objective.fairness](config, fabric, dim=dim, data=data)
