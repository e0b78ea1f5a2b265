"""Options from texts, dicts and files of groups: what they mean, and the message of a wrong one."""

from pathlib import Path

import pytest
import yaml

from adfair.data.readers.groups import load_groups
from adfair.data.readers.options import ReadOptions, read_options
from adfair.errors import ConfigError

TABLES = Path(__file__).parents[3] / "src/adfair/data/readers/demographics"


def test_texts_and_dicts_mean_the_same() -> None:
    texts = [
        "maps.race=a.yaml",
        "sections=findings, impression",
        "max_bad=0.1%",
        "fractions={train: 0.5, val: 0.5}",
    ]
    texts += ["scrub_demographics=true", "attributes=[sex]", "other=unknown"]
    same = {
        "maps": {"race": "a.yaml"}, "sections": ["findings", "impression"], "max_bad": 0.001, "attributes": "sex",
        "fractions": {"train": 0.5, "val": 0.5}, "scrub_demographics": True, "other": "unknown",
    }  # fmt: skip
    assert read_options(texts) == read_options(same)
    assert read_options(None) == ReadOptions()
    assert read_options(ReadOptions(views="all")).views == "all"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["view=all"], "view: unknown key; did you mean views\\?; there are attributes, maps, other"),
        (["views=side"], "views: Input should be 'frontal', 'all', 'AP' or 'PA'"),
        (["max_bad=x%"], "max_bad|could not convert"),
        (["max_bad=100%"], "max_bad: Input should be less than 1"),
        (["views"], "expected KEY=VALUE, for example views=all"),
        (["sections=[a"], "'sections=\\[a': not valid YAML"),
        pytest.param(["sections=" + "[" * 5000], "not valid YAML", id="deep"),
        (["views=all", "views.x=1"], "'views' is a value, not a section"),
    ],
)
def test_a_wrong_option_is_named(texts: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_options(texts)


@pytest.mark.parametrize("file", sorted(TABLES.glob("*.yaml")), ids=lambda f: f.stem)
def test_our_tables_are_tables(file: Path) -> None:
    attribute = yaml.safe_load(file.read_text())["attribute"]
    table = load_groups(attribute, table=file.stem, options=ReadOptions())
    assert table.groups
    assert table.texts[""] == ("Unknown",)


def test_the_33_races_and_8_ethnicities_of_mimic_iv_are_listed() -> None:
    raw = yaml.safe_load((TABLES / "race_mimic.yaml").read_text())["texts"]
    older = {"HISPANIC/LATINO"}
    assert len(set(raw) - older) == 33
    assert older <= set(raw)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups: [a]", "expected the keys attribute, groups, texts"),
        ("groups: [a]\ntexts: {x: b}", "'x' becomes none of Unknown, a"),
        ("groups: [a, b]\ntexts: {x: a, X: b}", "'X' is listed twice with different groups"),
        ("groups: [a", "not valid YAML"),
        pytest.param("[" * 5000, "not valid YAML", id="deep"),
        ("groups: [[a]]\ntexts: {x: a}", "expected the keys attribute, groups, texts"),
        ("groups: [a]\ntexts: {x: {a: b}}", "expected the keys attribute, groups, texts"),
        ("groups: a\ntexts: {x: a}", "expected the keys attribute, groups, texts"),
    ],
)
def test_a_wrong_table_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sex.yaml").write_text(text)
    options = ReadOptions(maps={"sex": tmp_path / "sex.yaml"})
    with pytest.raises(ConfigError, match=message):
        load_groups("sex", table="sex", options=options)
    with pytest.raises(ConfigError, match=r"no table of groups for 'age_group' \(No such file"):
        load_groups("age_group", table="age_group", options=options)
