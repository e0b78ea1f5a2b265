from pathlib import Path

import pytest

from adfair.cli import app as _registered  # noqa: F401 - the commands register themselves
from adfair.cli.app import run
from adfair.workflows import posthoc


def finished(out: Path) -> Path:
    out.mkdir()
    (out / posthoc.TABLE).write_text(
        "metric,attribute,before,after,n,note\nauc,,0.9,0.8951,40,mean\nleakage_auc,race,0.97,,30,too few\n"
    )
    return out


def test_erase_passes_its_options_and_prints_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {}
    monkeypatch.setattr(posthoc, "erase", lambda model, **k: asked.update(k) or finished(k["out"]))
    words = ["erase", "run", "--data", "cohort", "--method", "prompts", "--calibrate", "--no-keep-findings"]
    assert (
        run([*words, "--attributes", "race, sex", "--seed", "3", "--out", str(tmp_path / "x"), "--force"])
        == 0
    )
    assert asked == {
        "data": Path("cohort"),
        "method": "prompts",
        "attributes": ["race", "sex"],
        "keep_findings": False,
        "calibrate": True,
        "out": tmp_path / "x",
        "seed": 3,
        "force": True,
    }
    printed = capsys.readouterr().out
    assert "0.900" in printed
    assert "0.895" in printed
    assert "too few" in printed
    assert f"adfair evaluate {tmp_path / 'x'}" in printed.replace("\n", "")
    # Beside the folder: below it the evaluation would go with it at the next --force.
    assert printed.endswith(f"--out {tmp_path / 'x'}-test\n")


def test_adapt_passes_its_options_and_reports_progress(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {}

    def adapt(model: Path, **options: object) -> Path:
        asked.update(options)
        options["progress"]("fitting", 1.0)
        return finished(options["out"])

    monkeypatch.setattr(posthoc, "adapt", adapt)
    assert run(["adapt", "run", "--data", "cohort", "--weight", "4", "--out", str(tmp_path / "x")]) == 0
    assert (asked["weight"], asked["attributes"], asked["keep_findings"], asked["force"]) == (
        4.0,
        [],
        True,
        False,
    )
    assert "fitting: done" in capsys.readouterr().err


def test_what_the_user_can_mend_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = ["run", "--data", str(tmp_path / "none"), "--out", str(tmp_path / "x")]
    assert run(["erase", *ask]) == 2
    assert run(["adapt", *ask, "--weight", "-1"]) == 2
    assert run(["erase", *ask, "--method", "magic"]) == 2
    assert "choose one of leace, inlp, prompts" in capsys.readouterr().err
