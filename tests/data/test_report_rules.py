"""The table that ships can be used, a user's own replaces it, and a faulty one is refused with its place."""

from pathlib import Path

import pytest
import yaml

from adfair.data.report_findings import findings_in_reports
from adfair.data.report_rules import finding_key, load_rules, own_words, words_by_name
from adfair.errors import ConfigError

MINIMAL = {
    "findings": {"Aneurysm": {"names": ["ballooning ... aorta"], "unlike": ["ballooning of the old aorta"]}},
    "deny_before": ["nix"],
    "deny_after": ["gone"],
    "doubt_before": ["mayhap"],
    "doubt_after": [],
    "breaks": ["yet"],
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(MINIMAL))
    return path


def changed(table: Path, **keys: object) -> Path:
    table.write_text(yaml.safe_dump({**MINIMAL, **keys}))
    return table


def test_our_table_names_the_thirteen_findings_that_have_words() -> None:
    rules = load_rules()
    assert len(rules.findings) == 13
    assert rules.devices == ["Support Devices"]


def test_a_users_table_replaces_ours(table: Path) -> None:
    texts = [
        "Ballooning of the aorta.",
        "Nix ballooning of aorta yet edema.",
        "Mayhap ballooning, aorta fine.",
        "Ballooning aorta gone. No edema.",
        "Ballooning of the old aorta.",
    ]
    out = findings_in_reports(texts, ["aneurysm", "Edema", "No Finding"], rules=table)
    expected = [[1, None, 0], [0, 1, 0], [None, None, 1], [0, 1, 0], [None, None, 1]]
    assert [[None if v != v else int(v) for v in row] for row in out.tolist()] == expected


def test_a_finding_is_found_by_its_own_name_too(table: Path) -> None:
    assert findings_in_reports(["Aneurysms."], ["Aneurysm"], rules=table).item() == 1
    assert "aneurysm" in words_by_name(load_rules(table))["aneurysm"].names


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"denials": ["no"]}, "denials"),
        ({"deny_before": [False]}, r"deny_before\.0"),
        ({"breaks": ["... but"]}, "'... but' is no phrase"),
        ({"breaks": [""]}, "'' is no phrase"),
        ({"breaks": ["(but"]}, "no phrase"),
        ({"findings": {"Edema": {"names": []}}}, r"findings\.Edema\.names"),
        ({"findings": {"Edema": {"names": ["a"]}, "edema": {"names": ["b"]}}}, "'edema' is there twice"),
        ({"findings": {"No_Finding": {"names": ["normal"]}}}, "has no words"),
        ({"other_abnormality": {"names": ["..."]}}, "no phrase"),
    ],
)
def test_a_faulty_table_is_refused_with_the_key(table: Path, keys: dict[str, object], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault) as error:
        load_rules(changed(table, **keys))
    assert str(table) in str(error.value)


@pytest.mark.parametrize(
    ("content", "fault"),
    [("a: [", "line 1: not valid YAML"), ("- a", "whole file"), ("", "whole file")],
)
def test_a_file_that_is_no_table_is_refused(table: Path, content: str, fault: str) -> None:
    table.write_text(content)
    with pytest.raises(ConfigError, match=fault):
        load_rules(table)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(tmp_path / "none.yaml")


def test_names_are_compared_without_case_blanks_and_underscores() -> None:
    assert finding_key(" Pleural__Effusion ") == finding_key("pleural effusion") == "pleural effusion"
    assert own_words("Lung-Mass_X").names == ["lung mass x", "lung mass xs|xes"]
