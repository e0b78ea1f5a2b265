"""The notebooks at toy size: every code cell runs, top to bottom, in a folder of its own."""

import json
from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
TOY = {
    "audit_a_table": {"n": 300, "replicates": 50},
    "train_on_the_synthetic_cohort": {
        "n_train": 120,
        "n_test": 120,
        "steps": 3,
        "replicates": 20,
        "batch_size": 16,
        "protocol": "zero_shot",
    },
    "audit_an_open_clip_folder": {"n_train": 120, "n_test": 120, "replicates": 20, "protocol": "zero_shot"},
}


def execute(name: str) -> dict:
    """Run a notebook in the working folder; its cell tagged 'parameters' is followed by the toy sizes."""
    names: dict = {"__name__": "__main__"}
    for cell in json.loads((FOLDER / f"{name}.ipynb").read_text())["cells"]:
        if cell["cell_type"] != "code":
            continue
        exec(compile("".join(cell["source"]), f"{name}.ipynb", "exec"), names)
        if "parameters" in cell["metadata"].get("tags", []):
            assert TOY[name].keys() <= names.keys()
            names |= TOY[name]
    return names


def test_every_notebook_is_run_and_none_holds_outputs() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(TOY)
    for path in FOLDER.glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            assert not cell.get("outputs"), path.name


def test_audit_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    gaps = execute("audit_a_table")["gaps"].set_index(["metric", "attribute"])
    planted = gaps.loc[("auc_gap", "site")]
    assert planted["ci_low"] > planted["expected_by_chance"]
    assert (tmp_path / "runs/notebook-audit/report.html").is_file()


def test_train_on_the_synthetic_cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    root = execute("train_on_the_synthetic_cohort")["root"]
    assert {"clip", "adfair", "clip-test", "adfair-test", "report.html"} <= {p.name for p in root.iterdir()}


def test_audit_an_open_clip_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = execute("audit_an_open_clip_folder")
    assert "auc" in set(names["means"]["metric"])
    assert isinstance(names["metrics"], pd.DataFrame)
    assert (names["corrected"] / "model" / "posthoc.json").is_file()
