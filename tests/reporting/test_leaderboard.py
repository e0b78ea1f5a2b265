import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.auditing.rows import COLUMNS, row
from adfair.cli.app import run
from adfair.errors import DataError
from adfair.reporting.leaderboard import grid, leaderboard
from adfair.reporting.scores import sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    facts = {"cohort": {"name": "nih"}, "split": "test", "prompts": "ours", "further_prompts": ["biovil"]}
    out = tmp_path / "clip"
    for place, value in ((out, 0.8), (out / "prompts" / "biovil", 0.7)):
        place.mkdir(parents=True)
        rows = [
            row("auc", "mean", figures={"value": value, "ci_low": value - 0.1, "ci_high": value + 0.1}),
            row("auc", "mean", "sex", "F", figures={"value": 0.1}),
            row("auc", "Edema", figures={"value": 0.2}),
            row("auc_gap", "mean", "sex", figures={"value": 0.05, "expected_by_chance": 0.04}),
            row("worst_group_auc", "mean", "sex", figures={}, note="undefined: one group"),
        ]
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(place / "metrics.csv", index=False)
    (out / "evaluation.json").write_text(json.dumps(facts))
    return out


def test_rows_are_models_and_ways_of_asking(folder: Path) -> None:
    table = leaderboard([folder])
    assert table[table["metric"] == "auc"]["value"].tolist() == [0.8, 0.7]
    header, lines = grid(table)
    assert header[:5] == ["model", "prompts", "cohort", "AUC", "worst group, sex"]
    assert lines[0] == ["clip", "ours", "nih, test", "0.800 [0.700, 0.900]", "undefined", "0.050 (0.040)", ""]
    assert lines[1][1] == "biovil"
    assert np.isnan(table["ci_low"].iloc[1])


def test_a_table_that_an_audit_wrote_over_is_no_evaluation(folder: Path) -> None:
    record = folder / "evaluation.json"
    facts = json.loads(record.read_text())
    record.write_text(json.dumps(facts | {"metrics_sha256": sha256(folder / "metrics.csv")}))
    assert len(leaderboard([folder]))
    with (folder / "metrics.csv").open("a") as table:
        table.write("\n")
    with pytest.raises(DataError, match=r"metrics\.csv: is not the table of the evaluation\.json beside it"):
        leaderboard([folder])


def test_models_in_folders_of_one_name_are_told_apart(folder: Path, tmp_path: Path) -> None:
    places = [folder, *(tmp_path / arm / "test" for arm in ("a", "b"))]
    for place, value in zip(places[1:], (0.6, 0.5), strict=True):
        shutil.copytree(folder, place)
        table = pd.read_csv(place / "metrics.csv")
        table.loc[0, "value"] = value
        table.to_csv(place / "metrics.csv", index=False)
    header, lines = grid(leaderboard([*places, folder]))
    first = [line for line in lines if line[1] == "ours"]
    assert [line[0] for line in first] == ["clip", "a/test", "b/test"]
    assert [line[header.index("AUC")][:5] for line in first] == ["0.800", "0.600", "0.500"]


def test_the_command_writes_three_files_and_refuses_what_is_no_evaluation(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["leaderboard", str(folder), "--out", str(tmp_path / "o")]
    assert run(line) == 0
    assert "| clip | ours |" in capsys.readouterr().out
    assert sorted(p.suffix for p in (tmp_path / "o").iterdir()) == [".csv", ".md", ".tex"]
    assert "\\toprule" in (tmp_path / "o" / "leaderboard.tex").read_text()
    assert run(line) == 2
    with pytest.raises(DataError, match="no evaluation"):
        leaderboard([tmp_path])
    with pytest.raises(DataError, match="folders"):
        leaderboard([])
