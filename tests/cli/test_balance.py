"""The command from the shell's side."""

import shutil
from pathlib import Path

import pytest

from adfair.cli.app import run


@pytest.fixture
def source(small_cohort: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copyfile(small_cohort / "manifest.csv", folder / "manifest.csv")
    text = (small_cohort / "cohort.yaml").read_text()
    (folder / "cohort.yaml").write_text(text + f"image_root: {small_cohort.resolve()}\n")
    return folder


def test_a_set_and_its_list(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, again = str(tmp_path / "b"), str(tmp_path / "c")
    arguments = [
        "balance",
        str(source),
        "--findings",
        "Edema, Cardiomegaly",
        "--attributes",
        "sex",
        "--per-cell",
        "2",
    ]
    assert run([*arguments, "--out", out]) == 0
    printed = capsys.readouterr().out
    assert "8 images of 8 patients" in printed
    assert "drawn, one image a patient" in printed
    assert run([*arguments, "--out", out]) == 2
    assert "--force" in capsys.readouterr().err
    assert run([*arguments, "--out", again, "--from-list", f"{out}/ids.csv"]) == 0
    assert run(["check", again]) == 0


def test_what_can_be_mended_is_exit_2(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "b")]
    for arguments, message in (
        ([str(source)], "--out COHORT is needed"),
        ([str(source), *out, "--preset", "5x90"], "no preset '5x90'"),
        ([str(source), *out, "--per-cell", "900"], "30 cells are short"),
        ([str(source), *out, "--findings", "Rash"], "no finding 'Rash'"),
    ):
        assert run(["balance", *arguments]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert not (tmp_path / "b").exists()


def test_presets_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["balance", "list"]) == 0
    assert "chexpert-5x200-medclip" in capsys.readouterr().out
    assert run(["balance", "--help"]) == 0
    assert "adfair balance" in capsys.readouterr().out


def test_merge(small_cohort: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "both")
    assert run(["merge", str(small_cohort), str(source), "--out", out]) == 2
    assert "a name of its own" in capsys.readouterr().err
    assert run(["merge", str(source), "--help"]) == 0
    assert "adfair merge" in capsys.readouterr().out
