from adfair.workflows.sweep_arms import arm_configs
from adfair.workflows.sweep_file import parse_section

TREE = {"train": {"steps": 7, "lr": 0.5}, "objective": {"target": "text"}}


def test_dotted_and_nested_overrides_are_the_same_and_leave_the_rest() -> None:
    arms = {
        "dotted": {"train.steps": 3, "objective.update": "alternating"},
        "nested": {"train": {"steps": 3}, "objective": {"update": "alternating"}},
        "mixed": {"train": {"steps": 3}, "objective.update": "alternating"},
    }
    configs = arm_configs(TREE, parse_section({"arms": arms}, source="f"), "f")
    assert configs["dotted"] == configs["nested"] == configs["mixed"]
    assert (configs["dotted"].train.steps, configs["dotted"].train.lr) == (3, 0.5)
    assert configs["dotted"].objective.target == "text"
    assert TREE["train"] == {"steps": 7, "lr": 0.5}


def test_remedies_have_no_configuration_of_their_own() -> None:
    section = parse_section({"arms": {"a": None, "b": {"after": "a", "erase": "leace"}}}, source="f")
    assert list(arm_configs(TREE, section, "f")) == ["a"]
