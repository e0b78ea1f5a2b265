"""A wrong cohort.yaml is refused with the key and what to do."""

from pathlib import Path

import pytest
import yaml

from adfair.data.schema import CohortInfo, parse_info, read_info
from adfair.errors import ConfigError, DataError

GOOD = {"name": "x", "findings": ["Edema"], "attributes": {"sex": ["F", "M"]}, "splits": ["train", "test"]}

BAD = [
    ({"findings": None}, "findings: .*valid list"),
    ({"findings": []}, "findings: .*the list is empty"),
    ({"findings": ["Edema", "Edema"]}, "findings: .*listed twice"),
    ({"findings": [" Edema"]}, "findings: .*blanks around"),
    ({"findings": ["age"]}, "finding 'age' has the name of another column"),
    ({"findings": ["sex"]}, "finding 'sex' has the name of another column"),
    ({"attributes": {"sex": ["F", "Unknown"]}}, "attributes: .*'Unknown' always exists"),
    ({"attributes": {"sex": []}}, "attributes: .*the list is empty"),
    ({"attributes": {"split": ["a", "b"]}}, "attribute 'split' has the name of a fixed column"),
    (
        {"attributes": {"smoker": [True, False]}},
        r"attributes\.smoker\.0: .*valid string.*quotes around names",
    ),
    ({"splits": ["train", "train"]}, "splits: .*listed twice"),
    ({"finding": ["Edema"]}, "finding: unknown key; did you mean findings?"),
]


def _write(folder: Path, tree: object) -> Path:
    (folder / "cohort.yaml").write_text(yaml.safe_dump(tree))
    return folder


@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_wrong_key_is_named(change: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cohort\.yaml: .*" + message):
        read_info(_write(tmp_path, GOOD | change))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    info = CohortInfo.model_validate(GOOD | {"licence": "CC-BY", "source": "éa"})
    (tmp_path / "cohort.yaml").write_text(info.to_yaml(), encoding="utf-8")
    assert read_info(tmp_path) == info


def test_view_may_be_a_sensitive_attribute() -> None:
    assert CohortInfo.model_validate(GOOD | {"attributes": {"view": ["AP", "PA"]}}).attributes["view"] == [
        "AP",
        "PA",
    ]


def test_the_groups_of_named_attributes_and_of_all() -> None:
    groups = {"sex": ["F", "M"], "race": ["A", "B"]}
    info = CohortInfo.model_validate(GOOD | {"attributes": groups})
    assert info.groups_of(()) == groups
    assert info.groups_of(["race"]) == {"race": ["A", "B"]}
    with pytest.raises(ConfigError, match="cohort 'x' has no 'age' and no 'job'; it declares sex, race"):
        info.groups_of(["age", "sex", "job"])
    with pytest.raises(ConfigError, match="cohort 'x' has no attributes; it declares none"):
        info.model_copy(update={"attributes": {}}).groups_of(())


def test_a_folder_without_declaration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cohort\.yaml: no such file\. .*'adfair import' or 'adfair synth'"):
        read_info(tmp_path)


@pytest.mark.parametrize("text", ["name: [", "name: x\n  findings: y", "\xe9"])
def test_broken_yaml_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "cohort.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"not valid YAML.*Correct the file"):
        read_info(tmp_path)


@pytest.mark.parametrize("tree", [None, "text", ["a"]])
def test_what_is_no_mapping_is_refused(tree: object) -> None:
    with pytest.raises(DataError, match="expected the keys name, findings"):
        parse_info(tree, file=Path("cohort.yaml"))


def test_a_file_nested_without_end_is_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "cohort.yaml").write_text("[" * 5000)
    with pytest.raises(DataError, match=r"cohort\.yaml: not valid YAML"):
        read_info(tmp_path)
