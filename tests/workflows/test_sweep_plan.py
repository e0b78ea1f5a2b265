from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from adfair.auditing.repeats import Figure
from adfair.data.schema import read_info
from adfair.errors import ConfigError, DataError
from adfair.workflows.sweep import plan_sweep
from adfair.workflows.sweep_plan import default_figures

Write = Callable[..., Path]


def test_every_arm_on_every_cohort_with_every_seed(write: Write, small_cohort: Path, tmp_path: Path) -> None:
    cohorts = {"own": str(small_cohort), "drawn": {"preset": "wide", "n_train": 60, "n_test": 60}}
    plan = plan_sweep(write(cohorts=cohorts), out=tmp_path / "o")
    assert [run.name for run in plan.runs] == [
        f"{cohort}/{arm}/s{seed}" for cohort in cohorts for seed in (0, 1) for arm in ("clip", "adfair")
    ]
    assert [run.config.seed for run in plan.runs[:4]] == [0, 0, 1, 1]
    assert [run.config.objective.fairness for run in plan.runs[:2]] == ["none", "adversarial"]
    assert plan.runs[0].config.data.cohort == small_cohort
    assert plan.runs[-1].config.data.cohort == tmp_path / "o" / "cohorts" / "drawn-s1"
    assert plan.runs[-1].folder == tmp_path / "o" / "runs" / "drawn" / "adfair" / "s1"
    assert plan.baseline == "clip"


def test_the_configuration_has_its_cohort_where_none_is_named(write: Write, small_cohort: Path) -> None:
    plan = plan_sweep(write(test_sets=None), out="o")
    assert list(plan.cohort_names) == [small_cohort.name]
    assert plan.runs[0].data.identity == {"manifest_sha256": read_info(small_cohort).manifest_sha256}
    assert plan.runs[0].test_sets == {
        "test": ["zero_shot", "linear_probe", "leakage"],
        "test_reversed": ["zero_shot"],
    }


def test_a_grid_takes_the_place_of_the_arms(write: Write) -> None:
    plan = plan_sweep(write(), out="o", grid={"train.steps": [3, 4]}, seeds=[7], baseline="steps=4")
    assert [run.name for run in plan.runs] == ["small/steps=3/s7", "small/steps=4/s7"]
    assert [run.config.train.steps for run in plan.runs] == [3, 4]
    assert plan.baseline == "steps=4"


def test_a_remedy_comes_after_its_arm_with_its_attributes(write: Write) -> None:
    arms = {"clip": {"objective": {"attributes": ["sex"]}}, "leace": {"after": "clip", "erase": "leace"}}
    plan = plan_sweep(write(arms=arms, seeds=[0]), out="o")
    clip, leace = plan.runs
    assert leace.after == clip
    assert leace.settings == {"attributes": ["sex"], "method": "leace"}
    assert clip.keep_model
    assert not leace.keep_model
    assert clip.identity != leace.identity


def test_the_resolved_file_is_the_same_sweep(write: Write, tmp_path: Path) -> None:
    arms = {"clip": None, "x y": {"train.steps": 3}, "leace": {"after": "clip", "erase": "leace"}}
    plan = plan_sweep(write(arms=arms, cohorts={"d": {"ceiling": True}}), out="o")
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(dict(plan.resolved), sort_keys=False))
    assert plan_sweep(tmp_path / "again.yaml", out="o") == plan


def test_default_figures_follow_what_is_evaluated() -> None:
    tests = {"test": ["zero_shot", "linear_probe", "leakage"], "test_reversed": ["zero_shot"]}
    assert [str(f) for f in default_figures(["sex", "race"], tests)] == [
        "test:auc",
        "test_reversed:auc",
        "test:worst_group_auc:race",
        "test:es_auc:race",
        "test:equalized_odds_difference:race",
        "test:few_shot_auc@16",
        "test:leakage_auc:race",
        "test:leakage_auc:sex",
    ]
    assert default_figures([], {"held_out": ["zero_shot"]}) == [Figure("held_out", "auc")]


@pytest.mark.parametrize(
    ("section", "match"),
    [
        ({"arms": {}}, "no arm to train"),
        ({"arms": {"a": {"train.stepz": 3}}}, "arm 'a': train.stepz"),
        ({"arms": {"a": {"seed": 3}}}, "sweep.arms.a: seeds"),
        ({"arms": {"a": {"data": {"cohort": "x"}}}}, "sweep.arms.a: seeds and cohorts"),
        ({"arms": {"a": None, "b": {"after": "c", "erase": "leace"}}}, "sweep.arms.b.after"),
        ({"arms": {"a": None, "A": None}}, "upper and lower case"),
        ({"baseline": "x"}, "baseline 'x' is no arm"),
        ({"seeds": [1, 1]}, "a seed comes twice"),
        ({"cohorts": {"d": {"preset": "x"}}}, "unknown preset 'x'; choose one of default"),
        ({"test_sets": {"nowhere": ["zero_shot"]}}, "no split 'nowhere'"),
        ({"test_sets": {"test": []}}, "without a protocol"),
        ({"figures": ["val:auc"]}, "figure 'val:auc': the test sets are test"),
    ],
)
def test_everything_is_checked_before_the_first_run(write: Write, section: dict, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        plan_sweep(write(**section), out="o")


def test_a_cohort_that_is_none_is_refused(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cohort\.yaml"):
        plan_sweep(write(cohorts={"x": str(tmp_path)}), out="o")


def test_attributes_that_the_cohort_lacks_are_refused_before_the_first_run(
    write: Write, small_cohort: Path
) -> None:
    path = write(
        cohorts={"mine": str(small_cohort)}, arms={"a": {"objective.attributes": ["race", "smoker"]}}
    )
    with pytest.raises(
        ConfigError, match=r"arm 'a': cohort 'mine' has no attribute 'smoker'; it declares race, sex"
    ):
        plan_sweep(path, out="o")
    ages = write(cohorts={"mine": str(small_cohort)}, arms={"a": {"objective.attributes": ["race", "age"]}})
    assert plan_sweep(ages, out="o").runs


def test_overrides_are_of_every_arm(write: Write, small_cohort: Path) -> None:
    path = write(arms={"a": {}, "b": {"train.lr": 0.1}})
    plan = plan_sweep(path, out="o", overrides=[f"data.cohort={small_cohort}", "train.steps=7"])
    assert {run.config.train.steps for run in plan.runs} == {7}
    assert {run.data.folder for run in plan.runs} == {small_cohort}
    assert plan.resolved["train"]["steps"] == 7


def test_what_auto_decides_stays_open_in_the_resolved_file(write: Write, tmp_path: Path) -> None:
    arms = {
        "clip": {"objective.fairness": "none"},
        "auto": {"objective.fairness": "auto"},
        "kept": {"objective.fairness": "auto", "objective.adversary_weight": 1.5},
    }
    plan = plan_sweep(write(arms=arms, seeds=[0]), out=tmp_path / "o")
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(dict(plan.resolved), sort_keys=False))
    again = plan_sweep(tmp_path / "again.yaml", out=tmp_path / "o")
    assert [run.identity for run in again.runs] == [run.identity for run in plan.runs]
    for run, decided in zip(again.runs, (True, True, False), strict=True):
        assert ("adversary_weight" not in run.config.objective.model_fields_set) == decided
    _, auto, kept = plan.runs
    assert auto.identity != kept.identity, (
        "a weight that the user sets is another run than one that auto sets"
    )


def test_several_processes_and_unknown_attributes_are_refused(write: Write) -> None:
    with pytest.raises(ConfigError, match="arm 'big': every run of a sweep is one process"):
        plan_sweep(write(arms={"big": {"train.devices": 2}}), out="o")
    with pytest.raises(ConfigError, match="figure 'test:es_auc:rcae': the attributes are race, sex"):
        plan_sweep(write(figures=["test:es_auc:rcae"]), out="o")
