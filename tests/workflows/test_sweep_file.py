import re
from pathlib import Path

import pytest
import yaml

from adfair.errors import ConfigError
from adfair.workflows.sweep_file import (
    PostHoc,
    SweepSection,
    Synthetic,
    parse_axes,
    parse_grid,
    parse_section,
    read_sweep_file,
    require_no_seed,
)


def test_a_grid_is_every_combination_named_by_what_sets_it_apart() -> None:
    axes = parse_axes(["objective.adversary_weight=0,1.5", "objective.update=reversal,alternating"])
    assert axes == {"objective.adversary_weight": [0, 1.5], "objective.update": ["reversal", "alternating"]}
    assert list(parse_grid(axes)) == [
        "adversary_weight=0 update=reversal",
        "adversary_weight=0 update=alternating",
        "adversary_weight=1.5 update=reversal",
        "adversary_weight=1.5 update=alternating",
    ]
    last = parse_grid(axes)["adversary_weight=1.5 update=alternating"]
    assert last == {"objective.adversary_weight": 1.5, "objective.update": "alternating"}


def test_a_seed_that_no_run_would_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--set seed: .*--seeds"):
        require_no_seed({}, ["train.steps=5", "seed=7"], seeds=[1], source="c.yaml")
    with pytest.raises(ConfigError, match=r"c\.yaml: seed: .*sweep\.seeds"):
        require_no_seed({"seed": 7}, [], seeds=None, source="c.yaml")
    # The file that a sweep writes has both, and it goes on from there.
    require_no_seed({"seed": 7}, [], seeds=[1], source="c.yaml")
    require_no_seed({"seed": 0}, [], seeds=None, source="c.yaml")


def test_values_are_yaml_and_keys_that_end_alike_keep_their_whole_name() -> None:
    assert parse_axes(["objective.attributes=[race],[race, sex]"]) == {
        "objective.attributes": [["race"], ["race", "sex"]]
    }
    assert list(parse_grid({"objective.attributes": [["race", "sex"]]})) == ["attributes=[race,sex]"]
    names = list(parse_grid({"a.lr": [1.0], "b.lr": [None], "c.d": ["1"]}))
    assert names == ["a.lr=1.0 b.lr=null d='1'"]


@pytest.mark.parametrize("text", ["train.steps", "=1,2", "train.steps=", "a=[1", "a=1]"])
def test_an_axis_needs_a_key_and_values(text: str) -> None:
    with pytest.raises(ConfigError, match="KEY=a,b,c"):
        parse_axes([text])


def test_axes_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="twice"):
        parse_axes(["a=1", "a=2"])
    with pytest.raises(ConfigError, match="comes twice"):
        parse_grid({"train.steps": [5, 5]})
    with pytest.raises(ConfigError, match="--seeds"):
        parse_grid({"seed": [0, 1]})
    with pytest.raises(ConfigError, match="cohorts"):
        parse_grid({"data.cohort": ["a"]})


def test_a_section_says_which_shape_each_entry_has() -> None:
    arms = {"clip": None, "x": {"train.steps": 3}, "leace": {"after": "clip", "erase": "leace"}}
    arms["adapter"] = {"after": "clip", "adapt": {"steps": 3}}
    section = parse_section(
        {"cohorts": {"d": {"preset": "wide"}, "own": "a/b"}, "arms": arms, "seeds": [3]}, source="f"
    )
    assert section.cohorts == {"d": Synthetic(preset="wide"), "own": Path("a/b")}
    assert section.arms["clip"] == {}
    leace, adapter = section.arms["leace"], section.arms["adapter"]
    assert isinstance(leace, PostHoc)
    assert isinstance(adapter, PostHoc)
    assert (leace.workflow, leace.settings) == ("erase", {"method": "leace"})
    assert (adapter.workflow, adapter.settings) == ("adapt", {"steps": 3})
    assert parse_section(section.tree(), source="f") == section


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"cohorts": {"d": {"presett": "wide"}}}, "sweep.cohorts.d.synthetic.presett"),
        ({"cohorts": {"d": {"n_test": 3}}}, "sweep.cohorts.d.synthetic.n_test"),
        ({"arms": {"a": {"after": "clip"}}}, "erase: METHOD"),
        ({"arms": {"a": {"after": "clip", "erase": "leace", "adapt": {}}}}, "erase: METHOD"),
        ({"arms": {"a": {"after": "clip", "erase": "leace", "train.steps": 3}}}, "train.steps"),
        ({"arms": {"a": 3}}, "sweep.arms.a"),
        ({"seeds": []}, "sweep.seeds"),
        ({"seeds": [-1]}, "sweep.seeds.0"),
        ({"test_sets": {"test": ["palm"]}}, "sweep.test_sets.test.0"),
        ({"arm": {}}, "sweep.arm"),
    ],
)
def test_a_wrong_key_is_named(section: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_section(section, source="file.yaml")
    assert named in str(error.value)
    assert str(error.value).startswith("file.yaml: sweep.")


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with pytest.raises(ConfigError, match="no such"):
        read_sweep_file(path)
    for text, match in (("a: [", "line"), ("- a", "sections"), ("sweep: 3", "sections")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=match):
            read_sweep_file(path)
    path.write_text("train: {steps: 3}\nsweep: {seeds: [1]}")
    assert read_sweep_file(path) == ({"train": {"steps": 3}}, {"seeds": [1]})
    path.write_text("")
    assert read_sweep_file(path) == ({}, {})


def test_the_page_of_sweeps_has_every_key_and_its_file_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "sweep.md").read_text(encoding="utf-8")
    cells = "\n".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    for model in (SweepSection, Synthetic):
        assert [key for key in model.model_fields if f"`{key}`" not in cells] == []
    assert [key for key in PostHoc.model_fields if f"`{key}`" not in page] == []
    block = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert block
    section = parse_section(yaml.safe_load(block[1])["sweep"], source="page")
    assert list(section.arms) == ["clip", "adfair", "heavier", "leace"]
