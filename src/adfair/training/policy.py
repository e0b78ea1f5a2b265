"""``objective.fairness: auto``: look at the cohort, then say what to train with."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from adfair.config import Config, build_config
from adfair.data.exclusion import without_excluded
from adfair.data.manifest import Cohort
from adfair.data.policy import Policy, cohort_dependence, decide
from adfair.data.scrub import count_demographics
from adfair.errors import ConfigError

DECIDED = {"data": ("scrub_demographics",), "objective": ("negatives", "condition", "adversary_weight")}
"""What ``auto`` decides where the configuration leaves it open."""


def left_open(tree: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """A configuration's tree without the keys that ``auto`` may decide and that were not set: defaults are no choice."""
    kept = deepcopy(dict(tree))
    for section, keys in DECIDED.items():
        for key in set(keys) - getattr(config, section).model_fields_set:
            del kept[section][key]
    return kept


def resolve(config: Config, cohort: Cohort) -> tuple[Config, Policy | None]:
    """Replace ``auto`` by what the cohort calls for; other configurations pass unchanged.

    A key that the configuration sets by itself is kept: ``objective.adversary_weight: 0`` leaves the groups in.

    Returns:
        The configuration as it will be trained and written, and the policy with its reasons.

    Raises:
        ConfigError: no sensitive attribute with groups is named; a key that is set does not go with the policy.
    """
    aim = config.objective
    if aim.fairness != "auto":
        return config, None
    attributes = [name for name in aim.attributes if name in cohort.info.attributes]
    if not attributes:
        raise ConfigError(
            "objective.fairness: auto needs objective.attributes that the cohort declares: "
            + ", ".join(cohort.info.attributes)
        )
    cohort, _ = without_excluded(cohort, config.data.exclude_patients)
    named = count_demographics(cohort.split("train")["report"].tolist()).any(axis=1)
    policy = decide(cohort_dependence(cohort, attributes), naming=float(named.mean()))
    recommended = {key: getattr(policy, key) for keys in DECIDED.values() for key in keys}
    given = {
        key: getattr(getattr(config, section), key)
        for section, keys in DECIDED.items()
        for key in keys
        if key in getattr(config, section).model_fields_set
    }
    if aim.contrastive == "fastclip":
        given.setdefault("negatives", "all")
    keys = recommended | given
    policy = replace(policy, reasons=[*policy.reasons, *_besides(config, attributes, recommended, given)])
    fairness = "adversarial" if keys["adversary_weight"] > 0 else "none"
    update: dict[str, dict[str, Any]] = {
        name: {key: keys[key] for key in each} for name, each in DECIDED.items()
    }
    update["objective"]["fairness"] = fairness
    resolved = config.model_copy(
        update={name: getattr(config, name).model_copy(update=each) for name, each in update.items()}
    )
    # Read once more: what the policy sets must go with what the configuration set by itself.
    return build_config(resolved.model_dump(mode="json"), source="objective.fairness: auto"), policy


def _besides(
    config: Config, attributes: list[str], recommended: Mapping[str, Any], given: Mapping[str, Any]
) -> list[str]:
    """Where training departs from the recommendation, and what the recommendation did not look at."""
    said = []
    for key, value in given.items():
        section = next(name for name, keys in DECIDED.items() if key in keys)
        if value == recommended[key]:
            continue
        if key in getattr(config, section).model_fields_set:
            said.append(f"But the configuration sets {section}.{key}: {value}, and that is what is trained.")
        else:
            said.append("But contrastive: fastclip has no such addition: its logits stay as they are.")
    others = [name for name in config.objective.attributes if name not in attributes]
    if others and {**recommended, **given}["adversary_weight"] > 0:
        said.append(f"{', '.join(others)}: not diagnosed, being a number; the adversary reads it too.")
    return said
