"""`adfair audit` and `adfair compare` from the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.cli.app import run


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 300)
    frame = pd.DataFrame({"prob": np.clip(0.3 + 0.3 * y + rng.normal(0, 0.2, 300), 0, 1), "label": y})
    frame["attr"] = rng.integers(0, 2, 300)
    frame["image_id"] = np.arange(300)
    frame.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def test_audit_writes_and_prints(
    predictions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["audit", str(predictions), "--replicates", "100", "--power", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "300 images of 300 patients" in text
    assert "equalized_odds_difference" in text
    assert "Detectable" in text
    assert "undefined" not in pd.read_csv(out / "metrics.csv")["note"].fillna("").str.cat()
    assert json.loads((out / "audit.json").read_text())["settings"]["replicates"] == 100


def test_finished_results_are_not_overwritten(predictions: Path, tmp_path: Path) -> None:
    arguments = ["audit", str(predictions), "--replicates", "10", "--out", str(tmp_path / "out")]
    assert run(arguments) == 0
    assert run(arguments) == 2
    assert run([*arguments, "--force"]) == 0


def test_fail_if_exits_four(predictions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["audit", str(predictions), "--replicates", "10"]
    assert run([*base, "--fail-if", "auc < 0"]) == 0
    assert run([*base, "--fail-if", "auc < 0", "--fail-if", "auc_gap[attr] >= 0"]) == 4
    assert "failed: auc_gap[attr, mean]" in capsys.readouterr().err
    assert run([*base, "--fail-if", "nonsense"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threshold", "youden"], "--in-sample"),
        (["--attributes", "race"], "column 'race'"),
        (["--bins", "age"], "NAME=EDGE"),
        (["--level", "2"], "level"),
        (["--interval", "exact"], "interval"),
        (["--threshold", "0.5", "--in-sample"], "threshold 0.5 needs no labels"),
        (["--threshold", "0.5", "--validation", "v.csv"], "threshold 0.5 needs no validation table"),
        (["--threshold", "t.csv", "--validation", "v.csv"], "threshold t.csv needs no validation table"),
        (["--aggregate-to", "patient"], "with --aggregate max or mean"),
    ],
)
def test_mistakes_are_one_line_and_exit_two(
    predictions: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["audit", str(predictions), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_in_sample_is_printed(predictions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", str(predictions), "--replicates", "10", "--threshold", "f1", "--in-sample"]) == 0
    assert "in-sample" in capsys.readouterr().out


def test_compare(predictions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_csv(predictions)
    frame["prob"] = np.clip(frame["prob"] + 0.2 * (frame["label"] - 0.5), 0, 1)
    frame.to_csv(tmp_path / "other.csv", index=False)
    tables = [str(predictions), str(tmp_path / "other.csv")]
    assert run(["compare", *tables, "--replicates", "50", "--out", str(tmp_path / "out")]) == 0
    assert "table -> other, attr: the AUC gap" in capsys.readouterr().out
    rows = pd.read_csv(tmp_path / "out" / "comparison.csv")
    wanted = ["model_a", "model_b", "metric", "finding", "attribute", "group"]
    wanted += ["difference", "ci_low", "ci_high", "p_value", "p_adjusted"]
    assert set(wanted) <= set(rows.columns)
    assert run(["compare", tables[0]]) == 2


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--in-sample"], "leave out --in-sample"),
        (["--validation", "v", "--validation", "v"], "--validation"),
    ],
)
def test_thresholds_of_folders_leave_nothing_to_choose(
    predictions: Path, tmp_path: Path, extra: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        (folder / "predictions.csv").write_bytes(predictions.read_bytes())
        assert run(["audit", str(predictions), "--replicates", "0", "--out", str(folder)]) == 0
    capsys.readouterr()
    line = ["compare", *map(str, folders), "--replicates", "20"]
    assert run([*line, *extra]) == 2
    error = capsys.readouterr().err
    assert f"{folders[0] / 'metrics.csv'} gives thresholds" in error
    assert said in error
    assert error.count("\n") == 1
    assert run(line) == 0
    assert run([*line, "--threshold", "youden", "--in-sample"]) == 0


def test_no_torch_is_imported(predictions: Path) -> None:
    code = (
        "import sys; from adfair.cli.app import run; import adfair.cli; "
        f"code = run(['audit', {str(predictions)!r}, '--replicates', '10']); "
        "heavy = {'torch', 'sklearn', 'transformers'} & set(sys.modules); sys.exit(code or len(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
