"""From the file of a sweep to the list of its runs, every one checked before the first begins."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adfair.auditing.repeats import Figure, parse_figure
from adfair.config import Config, build_config
from adfair.data.manifest import manifest_file
from adfair.data.tables import read_text_table
from adfair.errors import ConfigError
from adfair.training.inputs import wanted_attributes
from adfair.training.policy import left_open
from adfair.workflows.sweep_arms import arm_configs
from adfair.workflows.sweep_cohort import CohortPlan, plan_cohort
from adfair.workflows.sweep_file import PostHoc, Protocols, SweepSection
from adfair.workflows.sweep_run import Run, files_of, folder_name, runs_on


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole sweep.

    Attributes:
        resolved: its file, complete but for what ``fairness: auto`` decides: a sweep of that file is the same sweep.
        figures: columns of the table.
        accuracy, costs: what the page of frontiers sets against each other.
        keep_models: whether every model is asked for, also those that no later arm needs.
    """

    out: Path
    resolved: Mapping[str, Any]
    cohorts: Sequence[CohortPlan]
    runs: Sequence[Run]
    cohort_names: Sequence[str]
    arm_names: Sequence[str]
    seeds: Sequence[int]
    baseline: str
    figures: Sequence[Figure]
    accuracy: Figure
    costs: Sequence[Figure]
    keep_models: bool = False


def make_plan(
    tree: Mapping[str, Any], section: SweepSection, *, out: Path, source: str, keep_models: bool = False
) -> Plan:
    """Resolve every cohort, arm and seed.

    Args:
        tree: the training configuration. section: the rest of the file. source: what messages call the file.
        out: the folder of the sweep.

    Raises:
        ConfigError, DataError: a wrong key or value anywhere, or a cohort folder that is none.
    """
    base = build_config(deepcopy(dict(tree)), source=source)
    section = _complete(section, base, source)
    configs = arm_configs(tree, section, source)
    for name, config in configs.items():
        if config.train.devices * config.train.nodes > 1:
            raise ConfigError(
                f"{source}: arm '{name}': every run of a sweep is one process; leave train.devices at 1"
            )
    cohorts = [
        plan_cohort(name, origin, seed=seed, folder=out / "cohorts" / f"{folder_name(name)}-s{seed}")
        for name, origin in section.cohorts.items()
        for seed in section.seeds
    ]
    files = {arm: files_of(config) for arm, config in configs.items()}
    runs = [run for cohort in cohorts for run in runs_on(cohort, section, configs, files, out, keep_models)]
    for cohort in cohorts:
        _require_attributes(cohort, [run for run in runs if run.data is cohort])
    assert section.baseline is not None
    attributes, tests = cohorts[0].attributes, runs[0].test_sets
    figures = [parse_figure(text) for text in section.figures or []] or default_figures(attributes, tests)
    evaluated = {name for run in runs for name in run.test_sets}
    for figure in figures:
        if figure.test_set not in evaluated:
            raise ConfigError(f"figure '{figure}': the test sets are {', '.join(sorted(evaluated))}")
        if figure.attribute and figure.attribute not in attributes:
            raise ConfigError(f"figure '{figure}': the attributes are {', '.join(attributes) or 'none'}")
    accuracy, costs = trade_offs(attributes, tests)
    resolved = left_open(base.model_dump(mode="json"), base) | {"sweep": section.tree()}
    return Plan(
        out=out,
        resolved=resolved,
        cohorts=cohorts,
        runs=runs,
        cohort_names=list(section.cohorts),
        arm_names=list(section.arms),
        seeds=section.seeds,
        baseline=section.baseline,
        figures=figures,
        accuracy=accuracy,
        costs=costs,
        keep_models=keep_models,
    )


def _require_attributes(cohort: CohortPlan, runs: Sequence[Run]) -> None:
    """Refuse attributes that a cohort neither declares nor, continuous ones, holds as a column."""
    wanted = {name: run.arm for run in reversed(runs) for name in wanted_attributes(run.config)}
    missing = [name for name in wanted if name not in cohort.attributes]
    if missing:
        held = ["age"] if cohort.drawn else read_text_table(manifest_file(cohort.folder)).columns
        missing = [name for name in missing if name not in held]
    if missing:
        declared = ", ".join(cohort.attributes)
        raise ConfigError(
            f"arm '{wanted[missing[0]]}': cohort '{cohort.name}' has no attribute '{missing[0]}'; "
            f"it declares {declared or 'none'}. Name those: --set 'objective.attributes=[{declared}]'"
        )


def default_figures(attributes: Sequence[str], tests: Mapping[str, Protocols]) -> list[Figure]:
    """Accuracy, its transfer, fairness between the groups of the first attribute (race if any), and leakage."""
    main = _main(tests)
    chosen = [Figure(name, "auc") for name in dict.fromkeys([main, *tests])]
    fairness = ("worst_group_auc", "es_auc", "equalized_odds_difference")
    chosen += [Figure(main, metric, name) for metric in fairness for name in _ordered(attributes)[:1]]
    chosen += [Figure(main, "few_shot_auc@16")] if "linear_probe" in tests[main] else []
    return chosen + _leakages(attributes, tests)


def trade_offs(attributes: Sequence[str], tests: Mapping[str, Protocols]) -> tuple[Figure, list[Figure]]:
    """The accuracy and the costs that the page of frontiers sets against each other."""
    main = _main(tests)
    gaps = [Figure(main, "equalized_odds_difference", name) for name in _ordered(attributes)[:1]]
    return Figure(main, "auc"), gaps + _leakages(attributes, tests)


def _main(tests: Mapping[str, Protocols]) -> str:
    return "test" if "test" in tests else next(iter(tests))


def _ordered(attributes: Sequence[str]) -> list[str]:
    return sorted(attributes, key=lambda name: name != "race")


def _leakages(attributes: Sequence[str], tests: Mapping[str, Protocols]) -> list[Figure]:
    main = _main(tests)
    return [Figure(main, "leakage_auc", name) for name in _ordered(attributes) if "leakage" in tests[main]]


def _complete(section: SweepSection, base: Config, source: str) -> SweepSection:
    """Fill in the cohort of the configuration and the baseline, and check what arms and seeds refer to."""
    trained = [name for name, arm in section.arms.items() if not isinstance(arm, PostHoc)]
    if not trained:
        raise ConfigError(f"{source}: no arm to train. Give --grid KEY=a,b,c, or name arms under sweep.arms")
    for name, arm in section.arms.items():
        if isinstance(arm, PostHoc) and arm.after not in trained:
            raise ConfigError(f"{source}: sweep.arms.{name}.after: '{arm.after}' is no arm that is trained")
    baseline = section.baseline or ("clip" if "clip" in section.arms else trained[0])
    if baseline not in section.arms:
        raise ConfigError(f"{source}: baseline '{baseline}' is no arm; those are {', '.join(section.arms)}")
    if len(set(section.seeds)) < len(section.seeds):
        raise ConfigError(f"{source}: a seed comes twice")
    cohorts = section.cohorts or {base.data.cohort.name: base.data.cohort}
    for names in (cohorts, section.arms):
        # Folders of some systems do not tell upper from lower case.
        if len({folder_name(name).casefold() for name in names}) < len(names):
            raise ConfigError(f"{source}: two names differ in upper and lower case only: {', '.join(names)}")
    return section.model_copy(update={"baseline": baseline, "cohorts": cohorts})
