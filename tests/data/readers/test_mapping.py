"""The mapping file: its short forms, its defaults, and faults that name their key."""

import re
from pathlib import Path
from typing import Any

import pytest

from adfair.data.readers.mapping import load_mapping
from adfair.data.split import DEFAULT_FRACTIONS
from adfair.errors import ConfigError

LEAST: dict[str, Any] = {
    "name": "tiny",
    "image_id": "file",
    "image_path": "file",
    "attributes": {"sex": {"column": "sexe", "groups": ["F", "M"]}},
    "findings": {"Edema": "edema"},
}


def test_a_bare_name_is_a_column() -> None:
    rules = load_mapping(LEAST | {"split": "fold"})
    assert rules.image_id.column == "file"
    assert rules.findings["Edema"].column == "edema"
    assert (rules.split.column, rules.split.fractions) == ("fold", None)


def test_what_is_not_said_refuses_rather_than_guesses() -> None:
    rules = load_mapping(LEAST)
    assert rules.attributes["sex"].other == rules.image_id.invalid == rules.images.missing == "refuse"
    assert rules.split.fractions == DEFAULT_FRACTIONS
    assert rules.patient_id is None


def test_numbers_of_yaml_are_texts(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "name: 2024\nimage_id: 1\nimage_path: file\nkeep: [{column: year, one_of: [2001, 2002]}]\n"
        "attributes: {sex: {column: s, groups: [1, 2], map: {0: ''}}}\n"
        "findings: {Edema: {column: e, map: {1.0: 1, 3: -1}}}\n"
    )
    rules = load_mapping(path)
    assert (rules.name, rules.image_id.column, rules.keep[0].one_of) == ("2024", "1", ["2001", "2002"])
    assert rules.attributes["sex"].groups == ["1", "2"]
    assert rules.attributes["sex"].map == {"0": ""}
    assert rules.findings["Edema"].map == {"1.0": "1", "3": "-1"}


def test_a_list_of_findings_keeps_the_names_and_comes_after_the_columns() -> None:
    short = load_mapping(LEAST | {"labels": {"column": "l", "findings": ["Mass", "Any"]}})
    assert short.labels is not None
    assert short.labels.findings == {"Mass": ["Mass"], "Any": ["Any"]}
    assert short.finding_names == ["Edema", "Mass", "Any"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": None}, "mapping: name: Input should be a valid string"),
        ({"images": {"serach": ["a"]}}, "images.serach: unknown key; did you mean images.search?"),
        ({"images": {"missing": "skip"}}, "images.missing: Input should be 'refuse' or 'drop'"),
        ({"keep": [{"column": "a", "equals": "b", "empty": False}]}, "give one of 'equals', 'one_of' and"),
        ({"split": {}}, "split: Value error, give one of 'column', 'template' and 'fractions'"),
        ({"attributes": {"sex": "sexe"}}, "attributes.sex.groups: Field required"),
        ({"labels": {"column": "l", "findings": {"A": ["a"]}, "unlisted": "-1"}}, "labels.unlisted: Input"),
        (
            {"labels": {"column": "l", "findings": [{"A": "a"}]}},
            "labels.findings: Input should be a valid dict",
        ),
        ({"labels": {"column": "l", "findings": ["A"], "separator": ""}}, "labels.separator: String should"),
        ({"labels": {"column": "l", "findings": ["Edema"]}}, "'Edema' is in both 'findings' and 'labels'"),
        *(
            ({"images": {"search": [pattern]}}, f"images.search: Value error, '{pattern}' is no pattern of")
            for pattern in ("/films", "../beside", "a/../..", "**x")
        ),
        ({"findings": {"A": {"column": "a", "map": {True: 1}}}}, "findings.A.map."),
    ],
)
def test_a_fault_names_its_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_mapping(LEAST | change)


def test_all_faults_are_named_at_once_and_values_are_not_repeated() -> None:
    with pytest.raises(ConfigError) as error:
        load_mapping(LEAST | {"nmae": "JANE DOE", "images": {"missing": "JANE DOE"}, "image_id": {}})
    for key in ("nmae: ", "images.missing: ", "image_id: "):
        assert key in str(error.value)
    assert "JANE" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "whole file: Input should be a valid dictionary"),
        (b"- a\n- b\n", "whole file: Input should be a valid dictionary"),
        ("name: é".encode("latin-1"), "not valid YAML in UTF-8"),
        (b"name: a\nkeep: {\n", ", line 3: not valid YAML"),
        (b"name: !!python/object/apply:os.getcwd []\n", ", line 1: not valid YAML"),
    ],
)
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(str(path)) + ".*" + re.escape(message)):
        load_mapping(path)


def test_a_file_nested_without_end_is_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("[" * 5000)
    with pytest.raises(ConfigError, match=r"m\.yaml: not valid YAML"):
        load_mapping(tmp_path / "m.yaml")
