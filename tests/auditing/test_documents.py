"""Markdown, LaTeX and JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from adfair import audit
from adfair.auditing.documents import figure, gap_grid, group_grid, latex, markdown, power_grid, signed_grid

Maker = Callable[..., pd.DataFrame]


def test_save_writes_every_document(table: Maker, tmp_path: Path) -> None:
    frame = table()
    frame.loc[frame["race"] == "C", "label"] = 0
    result = audit(frame, threshold=0.5, replicates=20)
    result.save(tmp_path)
    read = pd.read_csv(tmp_path / "metrics.csv", keep_default_na=False, na_values=[""])
    assert len(read) == len(result.table)
    whole = json.loads((tmp_path / "audit.json").read_text())
    assert len(whole["metrics"]) == len(result.table)
    undefined = [m for m in whole["metrics"] if m["note"].startswith("undefined")]
    assert undefined
    assert all(m["value"] is None for m in undefined)
    assert whole["facts"]["patients"] == 120
    assert {p.name for p in tmp_path.iterdir()} == {
        "metrics.csv",
        "calibration.csv",
        "audit.json",
        "audit.md",
        "audit.tex",
    }


def test_hostile_names_are_escaped(table: Maker) -> None:
    frame = table().replace({"race": {"A": "<b>|x_1 & 50%\n# y"}, "finding": {"f0": "**f|0**"}})
    result = audit(frame, threshold=0.5, replicates=0)
    page = markdown(result)
    assert "<b>" not in page.replace("\\<b\\>", "")
    assert r"\<b\>\|x\_1 & 50% # y" in page
    tex = latex(result)
    assert r"\textless{}b\textgreater{}|x\_1 \& 50\%" in tex
    for line in page.splitlines():
        if line.startswith("| race | \\<b"):
            assert line.replace("\\|", "").count("|") in (11, 7)


def test_every_note_is_in_the_page(table: Maker) -> None:
    frame = table()
    frame.loc[frame["race"] == "C", "label"] = -1
    result = audit(frame, threshold=0.5, replicates=10)
    page = markdown(result)
    assert "undefined" in page
    assert "left out" in page


def test_grids_hold_the_figures(table: Maker) -> None:
    result = audit(table(), attributes=["race"], threshold=0.5, replicates=50)
    header, lines = group_grid(result)
    assert [line[:2] for line in lines] == [["all", "all"], ["race", "A"], ["race", "B"], ["race", "C"]]
    assert lines[0][header.index("auc")].startswith(f"{result.value('auc'):.3f} [")
    gaps = {line[1]: line for line in gap_grid(result)[1]}
    assert gaps["auc_gap"][3].startswith(f"{result.value('auc_gap', attribute='race'):.3f}")
    assert [gaps[name][2] for name in ("auc_gap", "es_auc", "worst_group_auc", "demographic_parity_ratio")] == [
        "lower", "higher", "higher", "higher",
    ]  # fmt: skip
    assert len(power_grid(result)[1]) == 15


def test_undefined_figures_are_words() -> None:
    assert figure(float("nan")) == "undefined"
    assert figure(0.5) == "0.500"
    assert figure(0.5, 0.4, 0.6) == "0.500 [0.400, 0.600]"


def test_pairs_of_groups_whose_names_hold_dashes_can_be_told_apart(table: Maker) -> None:
    ages = table()
    ages["band"] = ages["race"].map({"A": "40-60", "B": "60-80", "C": ">=80"})
    result = audit(ages, attributes=["band"], threshold=0.5, replicates=20)
    pairs = {line[1] for grid in (power_grid, signed_grid) for line in grid(result)[1]}
    assert pairs == {"40-60 vs 60-80", "40-60 vs >=80", "60-80 vs >=80"}
