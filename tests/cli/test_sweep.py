"""The command: options to arguments, what it prints, its exit codes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adfair.cli.app import run

CONFIG = """
data: {cohort: COHORT}
train: {steps: 2}
sweep: {test_sets: {test: [zero_shot]}}
"""


@pytest.fixture
def config(tmp_path: Path, small_cohort: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG.replace("COHORT", str(small_cohort)))
    return path


def test_a_dry_run_lists_every_run(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = ["--grid", "objective.adversary_weight=0,1", "objective.update=reversal,alternating"]
    out = tmp_path / "o"
    assert run(["sweep", str(config), *grid, "--seeds", "0,2", "--out", str(out), "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 * 2 + 1
    assert lines[0] == "    run  small/adversary_weight=0 update=reversal/s0"
    assert lines[-1] == "8 runs, 8 to make; baseline adversary_weight=0 update=reversal"
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ([], "no arm to train"),
        (["--grid", "train.steps"], "KEY=a,b,c"),
        (["--grid", "train.stepz=1"], "train.stepz"),
        (["--grid", "train.steps=1,2", "--seeds", "0,x"], "whole numbers"),
        (["--grid", "train.steps=1,2", "--baseline", "x"], "is no arm"),
        (["--grid", "train.steps=1,2", "--test-sets", "x"], "no split 'x'"),
        (["--grid", "train.steps=1,2", "--figures", "auc"], "TESTSET:METRIC"),
        (["--grid", "train.steps=1,2", "--set", "seed=7"], "--seeds"),
    ],
)
def test_what_the_user_can_mend_exits_2(
    config: Path, options: list[str], match: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sweep", str(config), *options, "--dry-run"]) == 2
    assert match in capsys.readouterr().err


def test_options_reach_the_sweep(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    from adfair.auditing.repeats import SUMMARY_COLUMNS
    from adfair.workflows.sweep import Sweep

    seen: dict[str, object] = {}

    def fake(path: Path, *, progress: Callable[[str, float], None], **options: object) -> Sweep:
        seen.update(options)
        progress("a/b/s0: done", 1.0)
        return Sweep(tmp_path, pd.DataFrame(columns=list(SUMMARY_COLUMNS)), {"a/b/s0": "why"})

    monkeypatch.setattr("adfair.workflows.sweep.sweep", fake)
    options = [
        "--workers",
        "3",
        "--replicates",
        "7",
        "--keep-models",
        "--test-sets",
        "test, probe",
        "--force",
    ]
    figures = ["--figures", "test:auc, probe:auc,"]
    assert run(["sweep", str(config), "--grid", "train.steps=1,2", *figures, *options]) == 1
    assert seen == {
        "out": Path("runs/sweep"),
        "grid": {"train.steps": [1, 2]},
        "seeds": None,
        "baseline": None,
        "test_sets": ["test", "probe"],
        "figures": ["test:auc", "probe:auc"],
        "replicates": 7,
        "overrides": [],
        "workers": 3,
        "keep_models": True,
        "force": True,
    }


def test_a_dry_run_knows_that_models_were_dropped(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(
        "adfair.workflows.sweep.describe", lambda plan, force: str(seen.append(plan.keep_models))
    )
    words = ["sweep", str(config), "--grid", "train.steps=1", "--out", str(tmp_path / "o"), "--dry-run"]
    assert run(words) == run([*words, "--keep-models"]) == 0
    assert seen == [False, True]
