import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "cxr_pack.py"


@pytest.mark.pack
@pytest.mark.slow
def test_a_short_version_runs_to_its_report(pack: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), "--pack", str(pack), "--out", str(tmp_path), "--folds", "1"]
    command += ["--experiment", "planted", "--set", "train.steps=4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    out = tmp_path / "cxr_pack_planted"
    folds = pd.read_csv(out / "folds.csv")
    assert len(folds) == 2 * 3
    assert folds["auc"].between(0, 1).all()
    assert (out / "report.html").stat().st_size < 8e6
    manifest = pd.read_csv(out / "seed0-fold0" / "manifest.csv")
    train = manifest[manifest["split"] == "train"]
    share = ((train["Pneumonia"] == 1) == (train["view"] == "PA")).mean()
    assert share == pytest.approx(0.8, abs=0.01)
    by_split = manifest.groupby("patient_id")["split"].nunique()
    assert (by_split == 1).all()
