"""The two sweeps of docs/results.md: their arms, and that what they name exists."""

from pathlib import Path

import pytest

from adfair.data.synthetic import PRESETS
from adfair.workflows.sweep import plan_sweep
from adfair.workflows.sweep_arms import arm_configs
from adfair.workflows.sweep_file import PostHoc, parse_section, read_sweep_file

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = (
    "clip adfair alternating both joint conditional equalized_odds zhang no_conflict siglip fastclip "
    "fairclip_as_coded fairclip_as_coded_script fairclip_exact fairclip_plus mmd coral group_dro reweight_group "
    "reweight_finding_group "
    "group_balanced leace leace_published inlp prompts adapter adapter_weight_2"
)


@pytest.mark.parametrize("name", ["ablation", "ablation_presets"])
def test_every_arm_is_a_configuration_or_follows_plain_clip(name: str) -> None:
    tree, section = read_sweep_file(EXAMPLES / f"{name}.yaml")
    checked = parse_section(section, source=name)
    trained = {arm: source for arm, source in checked.arms.items() if not isinstance(source, PostHoc)}
    assert {s.after for s in checked.arms.values() if isinstance(s, PostHoc)} == {"clip"}
    configs = arm_configs(tree, checked.model_copy(update={"arms": trained}), name)
    assert set(configs) == set(trained)


def test_the_ablation_is_what_the_page_says(tmp_path: Path) -> None:
    _, section = read_sweep_file(EXAMPLES / "ablation.yaml")
    assert " ".join(section["arms"]) == NAMES
    assert section["seeds"] == [0, 1, 2]
    few = {key: section["arms"][key] for key in ("clip", "adfair", "alternating", "both", "leace", "adapter")}
    path = tmp_path / "few.yaml"
    path.write_text(_with_arms("ablation", few))
    plan = plan_sweep(path, out=tmp_path / "o")
    assert len(plan.runs) == 6 * 3
    assert {(run.config.train.steps, run.data.identity["n_train"]) for run in plan.runs} == {(900, 6000)}


def test_the_presets_are_all_of_them(tmp_path: Path) -> None:
    _, section = read_sweep_file(EXAMPLES / "ablation_presets.yaml")
    path = tmp_path / "few.yaml"
    path.write_text(_with_arms("ablation_presets", {"clip": section["arms"]["clip"]}))
    plan = plan_sweep(path, out=tmp_path / "o")
    assert set(plan.cohort_names) == set(PRESETS)
    assert {run.data.identity["preset"] for run in plan.runs} == set(PRESETS)
    assert {(run.config.train.steps, run.data.identity["n_train"]) for run in plan.runs} == {(350, 3000)}


def _with_arms(name: str, arms: dict) -> str:
    import yaml

    tree, section = read_sweep_file(EXAMPLES / f"{name}.yaml")
    return yaml.safe_dump({**tree, "sweep": {**section, "arms": arms}}, sort_keys=False)
