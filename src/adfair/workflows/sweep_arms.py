"""Arms: a training configuration with some of its keys changed."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from adfair.config import Config, build_config
from adfair.errors import ConfigError
from adfair.workflows.sweep_file import PostHoc, SweepSection


def arm_configs(tree: Mapping[str, Any], section: SweepSection, source: str) -> dict[str, Config]:
    """The configuration of every arm that is trained. Raises ConfigError naming the arm and its wrong keys."""
    configs = {}
    for name, arm in section.arms.items():
        if isinstance(arm, PostHoc):
            continue
        own = _overridden(tree, arm)
        if own.get("seed", 0) != tree.get("seed", 0) or _cohort_key(own) != _cohort_key(tree):
            raise ConfigError(
                f"{source}: sweep.arms.{name}: seeds and cohorts belong to the sweep, not to an arm"
            )
        configs[name] = build_config(own, source=f"{source}, arm '{name}'")
    return configs


def _cohort_key(tree: Mapping[str, Any]) -> Any:
    data = tree.get("data")
    return data.get("cohort") if isinstance(data, Mapping) else None


def _overridden(tree: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a tree with some keys set, each written dotted (``a.b: 1``) or nested (``a: {b: 1}``)."""
    merged = deepcopy(dict(tree))
    for key, value in overrides.items():
        head, _, rest = str(key).partition(".")
        if rest:
            value = {rest: value}
        if isinstance(value, Mapping):
            below = merged.get(head)
            merged[head] = _overridden(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[head] = value
    return merged
