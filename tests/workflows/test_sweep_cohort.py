from pathlib import Path

import pytest

from adfair.data.manifest import load_cohort
from adfair.data.synthetic import SPLITS
from adfair.errors import ConfigError
from adfair.workflows.sweep_cohort import CohortPlan, draw_cohort, drawn_identity, plan_cohort, plan_tests
from adfair.workflows.sweep_file import Synthetic


def cohort(*splits: str) -> CohortPlan:
    return CohortPlan(
        name="c", seed=0, folder=Path("c"), drawn=None, identity={}, splits=splits, attributes=["sex"]
    )


def test_what_is_not_asked_for_is_what_the_cohort_has() -> None:
    assert plan_tests(None, cohort(*SPLITS)) == {
        "test": ["zero_shot", "linear_probe", "leakage"],
        "test_reversed": ["zero_shot"],
    }
    assert plan_tests(None, cohort("train", "test")) == {"test": ["zero_shot", "linear_probe"]}
    with pytest.raises(ConfigError, match="no test set"):
        plan_tests(None, cohort("train", "external"))


def test_what_is_asked_for_must_be_there() -> None:
    assert plan_tests({"external": ["zero_shot"]}, cohort("external")) == {"external": ["zero_shot"]}
    with pytest.raises(ConfigError, match="cohort 'c' has no split 'probe'; its splits are test"):
        plan_tests({"test": ["leakage"]}, cohort("test"))


def test_a_half_drawn_cohort_is_drawn_again(tmp_path: Path) -> None:
    plan = plan_cohort("d", Synthetic(n_train=60, n_test=60), seed=5, folder=tmp_path / "d-s5")
    assert drawn_identity(plan) is None
    draw_cohort(plan)
    assert drawn_identity(plan) == plan.identity
    whole = load_cohort(plan.folder).info
    assert whole.name == "synthetic-default-seed5"
    (plan.folder / "drawn.json").unlink()
    (plan.folder / "manifest.csv").write_text("half")
    assert drawn_identity(plan) is None
    draw_cohort(plan)
    assert load_cohort(plan.folder).info == whole
