"""``objective.fairness: auto``: look at the cohort, then say what to train with."""

from adfair.config import Config, build_config
from adfair.data.exclusion import without_excluded
from adfair.data.manifest import Cohort
from adfair.data.policy import Policy, cohort_dependence, decide
from adfair.data.scrub import count_demographics
from adfair.errors import ConfigError


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
    keys = {key: getattr(policy, key) for key in ("negatives", "condition", "adversary_weight")}
    keys |= {key: getattr(aim, key) for key in keys if key in aim.model_fields_set}
    fairness = "adversarial" if keys["adversary_weight"] > 0 else "none"
    objective = aim.model_copy(update={"fairness": fairness, **keys})
    scrubbed = config.data.scrub_demographics
    if "scrub_demographics" not in config.data.model_fields_set:
        scrubbed = policy.scrub_demographics
    data = config.data.model_copy(update={"scrub_demographics": scrubbed})
    resolved = config.model_copy(update={"objective": objective, "data": data})
    # Read once more: what the policy sets must go with what the configuration set by itself.
    return build_config(resolved.model_dump(mode="json"), source="objective.fairness: auto"), policy
