import json
from pathlib import Path

import pytest

from adfair.cli import app as _registered  # noqa: F401 - the commands register themselves
from adfair.cli.app import run
from adfair.data.synthetic import synth


def test_prints_signs_and_reasons_and_writes_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synth(tmp_path / "c", preset="default", n_train=600, n_test=60)
    words = ["diagnose", str(tmp_path / "c"), "--out", str(tmp_path / "d"), "--attributes", "race"]
    assert run([*words, "--skip-images"]) == 0
    printed = capsys.readouterr().out
    assert "findings depend on race" in printed
    assert "An adversary of weight" in printed
    record = json.loads((tmp_path / "d" / "diagnosis.json").read_text())
    assert record["policy"]["negatives"] == "group_adjusted"
    assert run(words) == 2  # a finished result is not replaced
    assert "--force" in capsys.readouterr().err


def test_a_folder_that_is_no_cohort(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diagnose", str(tmp_path)]) == 2
    assert "adfair import" in capsys.readouterr().err
