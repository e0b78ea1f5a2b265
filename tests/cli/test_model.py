"""``train``: what its options say together, and what a dry run tells of the folder."""

from pathlib import Path

import pytest

from adfair.cli.app import run
from adfair.cli.model import _tell

CONFIG = "data: {cohort: COHORT}\ntrain: {steps: 1}\nobjective: {fairness: none}\n"


@pytest.fixture
def config(tmp_path: Path, small_cohort: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG.replace("COHORT", str(small_cohort)))
    return path


def test_a_dry_run_refuses_what_the_run_refuses(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(config), "--dry-run", "--resume", "--force"]) == 2
    assert "choose one" in capsys.readouterr().err


def test_a_dry_run_says_what_is_at_the_folder(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(["train", str(config), "--dry-run", "--out", str(out)]) == 0
    assert f"out       {out}: nothing is there: a new run" in capsys.readouterr().out
    out.mkdir()
    for name in ("config.yaml", "environment.json"):
        (out / name).touch()
    assert run(["train", str(config), "--dry-run", "--out", str(out), "--force"]) == 0
    assert "would be replaced" in capsys.readouterr().out


def test_the_file_of_the_configuration_outlives_force(
    small_cohort: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    for name in ("config.yaml", "environment.json"):
        (out / name).touch()
    inside = out / "c.yaml"
    inside.write_text(config.read_text())
    assert run(["train", str(inside), "--out", str(out), "--force"]) == 2
    assert "--force would remove" in capsys.readouterr().err
    assert inside.is_file()


def test_the_evaluation_that_is_proposed_stands_beside_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder = tmp_path / "clip"
    run_folder.mkdir()
    _tell(run_folder, Path("cohort"), [])
    assert f"--out {run_folder}-test\n" in capsys.readouterr().out
