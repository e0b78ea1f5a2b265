"""From configuration keys to the objectives that need more than a constructor."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from adfair.errors import ConfigError
from adfair.models.adversary import build_adversary
from adfair.objectives.adversarial import AdversarialTerm, joint_codes, scheduled_weight
from adfair.objectives.fairclip import AS_CODED_WEIGHT, FairClipAsCoded
from adfair.objectives.fastclip import FastCLIP
from adfair.objectives.interface import Batch, defended
from adfair.objectives.setting import Setting

REFRESH = 10  # steps between looks at the finding directions, which move slowly (our choice)


def build_fastclip(setting: Setting) -> FastCLIP:
    """``objective.contrastive: fastclip``."""
    keys, epochs = setting.config.objective.fastclip, setting.config.train.steps / setting.steps_per_epoch
    return FastCLIP(
        len(setting.data),
        index=setting.data.index,
        steps_per_epoch=setting.steps_per_epoch,
        gamma_epochs=keys.gamma_share * epochs,
        gamma_min=keys.gamma_min,
        temperature=keys.temperature,
        rho=keys.rho,
        chunk=setting.config.objective.chunk,
    )


def build_fairclip_as_coded(setting: Setting) -> FairClipAsCoded:
    """``objective.fairness: fairclip_as_coded``."""
    return FairClipAsCoded(
        setting.embed,
        setting.data.codes,
        seed=setting.config.seed,
        weight=setting.fairness_weight(AS_CODED_WEIGHT),
    )


def build_adversarial(setting: Setting) -> AdversarialTerm:
    """``objective.fairness: adversarial`` with its options."""
    config, fabric, data = setting.config, setting.fabric, setting.data
    aim, train = config.objective, config.train
    groups = dict(data.group_counts)
    codes: Callable[[Batch], Mapping[str, Tensor]] = lambda batch: batch.codes  # noqa: E731
    if aim.heads == "joint":
        codes, groups = _joint(groups, data.codes)
    views: dict[str, int] = dict.fromkeys(defended(aim.target), setting.dim)
    read = _embeddings
    if aim.condition == "equalized_odds":
        views, read = {"scores": len(data.prompt_tokens)}, _FindingScores(setting)
    told = aim.condition != "none"
    adversary = build_adversary(views, groups, seed=config.seed, given=data.findings.shape[1] if told else 0)
    # Every process trains the same adversary on the same gathered embeddings, so the engine need not average it.
    module = fabric.strategy.precision.convert_module(fabric.to_device(adversary))
    optimizer: Any = fabric.setup_optimizers(
        torch.optim.Adam(module.parameters(), lr=train.adversary_lr, fused=True)
    )
    schedule = partial(
        scheduled_weight, steps=train.steps, weight=aim.adversary_weight, delay=aim.delay, ramp=aim.ramp
    )
    return AdversarialTerm(
        module,
        optimizer,
        fabric.backward,
        steps=aim.adversary_steps,
        update=aim.update,
        schedule=schedule,
        target=aim.target,
        read=read,
        given=(lambda batch: batch.findings) if told else (lambda batch: None),
        codes=codes,
        projection=aim.projection,
    )


def _embeddings(defended: dict[str, Tensor]) -> dict[str, Tensor]:
    return defended


def _joint(
    groups: dict[str, int], everyone: Mapping[str, Tensor]
) -> tuple[Callable[[Batch], Mapping[str, Tensor]], dict[str, int]]:
    """One head for the intersections that training holds; attributes without groups keep heads of their own."""
    grouped = {name: count for name, count in groups.items() if not everyone[name].is_floating_point()}
    single = {name: count for name, count in groups.items() if name not in grouped}
    if not grouped:
        return (lambda batch: batch.codes), groups
    ((name, joint),) = joint_codes(everyone, grouped).items()
    held = joint[joint >= 0].unique()
    if len(held) < 2:
        raise ConfigError(
            f"objective.heads: joint needs rows of known {' and '.join(grouped)} in two groups; take per_attribute"
        )

    def codes(batch: Batch) -> dict[str, Tensor]:
        ((_, joint),) = joint_codes(batch.codes, grouped).items()
        place = torch.searchsorted(held.to(joint.device), joint.clamp(min=0))
        return {name: place.masked_fill(joint < 0, -1), **{key: batch.codes[key] for key in single}}

    return codes, {name: len(held), **single}


class _FindingScores:
    """Images seen through their similarity to each finding alone, [B, F]; no gradient through the text tower."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.calls = setting, 0
        self.directions = torch.empty(0)

    def __call__(self, defended: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.calls % (2 * REFRESH) == 0:  # read twice a step: by the adversaries, then against the towers
            self.directions = self.setting.finding_directions()
        self.calls += 1
        return {"scores": defended["image"] @ self.directions.T}

    def state(self) -> dict[str, Tensor]:
        """The directions in use, and how old they are."""
        return {"directions": self.directions, "calls": torch.tensor(self.calls)}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a ``state()``."""
        self.directions, self.calls = state["directions"].to(self.setting.fabric.device), int(state["calls"])
