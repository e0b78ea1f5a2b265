"""Objectives by name: what pulls pairs together, and what keeps groups out of the embeddings."""

from collections.abc import Callable
from typing import Any

from adfair.objectives import coral, fairclip, fairclip_plus, group_dro, mmd
from adfair.objectives.build import build_adversarial, build_fairclip_as_coded, build_fastclip
from adfair.objectives.contrastive import InfoNCE, infonce
from adfair.objectives.group_adjusted import GroupAdjustedInfoNCE, GroupAdjustedSigLIP
from adfair.objectives.interface import Batch, Contrastive, FairnessTerm, Pairing
from adfair.objectives.none import NoTerm
from adfair.objectives.same_cell import SameCellInfoNCE, SameCellSigLIP
from adfair.objectives.setting import Setting
from adfair.objectives.siglip import SigLIP

CONTRASTIVE: dict[str, Callable[[Setting], Any]] = {
    "infonce": lambda setting: InfoNCE(setting.config.objective.chunk),
    "siglip": lambda setting: SigLIP(setting.config.objective.chunk),
    "fastclip": build_fastclip,
}
NEGATIVES: dict[str, dict[str, Callable[[Setting], Any]]] = {
    "all": CONTRASTIVE,
    "same_cell": {
        "infonce": lambda setting: SameCellInfoNCE(setting.config.objective.chunk),
        "siglip": lambda setting: SameCellSigLIP(setting.config.objective.chunk),
    },
    "group_adjusted": {
        "infonce": lambda setting: GroupAdjustedInfoNCE(
            setting.group_ratios, setting.schedule, setting.config.objective.chunk
        ),
        "siglip": lambda setting: GroupAdjustedSigLIP(
            setting.group_ratios, setting.schedule, setting.config.objective.chunk
        ),
    },
}
"""By ``objective.negatives``."""
FAIRNESS: dict[str, Callable[[Setting], Any]] = {
    "none": lambda setting: NoTerm(),
    "adversarial": build_adversarial,
    "fairclip_as_coded": build_fairclip_as_coded,
    "fairclip_exact": lambda setting: fairclip.FairClipExact(
        weight=setting.fairness_weight(fairclip.EXACT_WEIGHT)
    ),
    "fairclip_plus": lambda setting: fairclip_plus.FairClipPlus(
        list(setting.data.codes), weight=setting.fairness_weight(fairclip_plus.WEIGHT)
    ),
    "mmd": lambda setting: mmd.MmdTerm(weight=setting.fairness_weight(mmd.WEIGHT)),
    "coral": lambda setting: coral.CoralTerm(weight=setting.fairness_weight(coral.WEIGHT)),
    "group_dro": lambda setting: group_dro.GroupDroTerm(
        setting.data.group_counts, weight=setting.fairness_weight(group_dro.WEIGHT)
    ),
}

__all__ = [
    "CONTRASTIVE",
    "FAIRNESS",
    "NEGATIVES",
    "Batch",
    "Contrastive",
    "FairnessTerm",
    "Pairing",
    "Setting",
    "build_objective",
    "infonce",
]


def build_objective(setting: Setting) -> tuple[Contrastive, FairnessTerm]:
    """The contrastive and the fairness term that a configuration names."""
    aim = setting.config.objective
    pairs = NEGATIVES[aim.negatives][aim.contrastive](setting)
    return pairs, FAIRNESS[aim.fairness](setting)
