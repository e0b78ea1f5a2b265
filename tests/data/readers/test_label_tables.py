"""Label tables: ours are whole, a user's replaces them, a wrong one names its key."""

import re
from pathlib import Path

import pytest

from adfair.data.readers.label_tables import load_label_table
from adfair.data.readers.nih import LABELS
from adfair.errors import ConfigError

CHEXPERT = [
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
]


def test_the_nih_table_holds_all_15_names() -> None:
    table = load_label_table("nih_labels.yaml")
    assert sorted(name for names in table.findings.values() for name in names) == sorted(LABELS)


@pytest.mark.parametrize("name", ["padchest_labels.yaml", "indiana_labels.yaml"])
def test_the_others_lead_to_the_findings_of_chexpert(name: str) -> None:
    table = load_label_table(name)
    assert list(table.findings) == CHEXPERT
    assert all(len(set(names)) == len(names) for names in table.findings.values())


def test_the_expressions_of_indiana_compile() -> None:
    table = load_label_table("indiana_labels.yaml")
    assert re.match("|".join(table.findings["Lung Lesion"]), "Opacity/lung/base/left/round")
    assert not re.match("|".join(table.findings["Lung Opacity"]), "Opacity/lung/base/left/round")


def test_a_user_table_replaces_ours(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("findings: {Mine: [Mass, Nodule]}\n")
    assert load_label_table("nih_labels.yaml", tmp_path / "own.yaml").findings == {"Mine": ["Mass", "Nodule"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("findings: {}", "findings: .*at least 1 item"),
        ("findings: {A: a}", r"findings\.A: .*valid list"),
        ("finding: {A: [a]}", "finding: unknown key"),
        ("[", "not valid YAML"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_table_names_its_key(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_label_table("nih_labels.yaml", tmp_path / "own.yaml")


def test_a_file_nested_without_end_is_no_yaml(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("[" * 5000)
    with pytest.raises(ConfigError, match=r"m\.yaml: not valid YAML"):
        load_label_table("nih_labels.yaml", tmp_path / "m.yaml")
