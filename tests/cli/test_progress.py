import json
import math
from pathlib import Path

import pytest

from adfair.cli.progress import bars, last_leakage, leakage_note, summary, warnings_in, with_leakage

SEEN = {"step": 199, "validation": {"auc": 0.8, "leakage": {"race": 0.912, "sex": 0.5}}}


def test_leakage_is_read_from_a_validation_and_nothing_else() -> None:
    assert leakage_note(SEEN) == "leakage race 0.91, sex 0.50"
    assert leakage_note({"step": 3, "infonce": 4.0}) == ""
    assert leakage_note({"step": 3, "validation": {"auc": 0.8, "leakage": {}}}) == ""


def test_the_newest_leakage_of_a_log_that_is_being_written(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert last_leakage(log) == ""
    later = {"step": 399, "validation": {"leakage": {"race": 0.7}}}
    lines = [json.dumps(SEEN), json.dumps(later), json.dumps({"step": 400})]
    log.write_text("\n".join(lines) + "\n" + json.dumps(SEEN)[:40])
    assert last_leakage(log) == "leakage race 0.70"


def test_elsewhere_than_on_a_terminal_it_is_plain_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "adfair").mkdir()
    log = tmp_path / "adfair" / "log.jsonl"
    log.write_text(json.dumps(SEEN) + "\n")
    with bars() as show:
        progress = with_leakage(show, lambda stage: tmp_path / stage / "log.jsonl")
        progress("cohort", 1.0)
        progress("adfair", 0.2)
        progress("adfair", 0.25)
        progress("adfair", 1.0)
    summary({"warnings": "collapse"}, title="Trained", links={"report": tmp_path / "[b]report.html"})
    out, err = capsys.readouterr()
    assert err.splitlines() == ["cohort: done", "adfair: 20%, leakage race 0.91, sex 0.50", "adfair: done"]
    assert out.splitlines() == ["warnings: collapse", f"report: {tmp_path}/[b]report.html"]
    assert "\x1b" not in out + err


def test_on_a_terminal_there_are_bars_and_a_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    with bars() as show:
        show("[red]stage", 0.5, "leakage race 0.91")
        show("[red]stage", 1.0)
    summary({"warnings": "[b]none[/b]"}, title="Trained", links={"report": tmp_path / "report.html"})
    out, err = capsys.readouterr()
    assert "[red]stage" in err
    assert "leakage race 0.91" in err
    assert "[b]none[/b]" in out
    assert f"file://{tmp_path}/report.html" in out


def test_warnings_are_those_of_the_whole_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1}\n{"step": 2, "warning": "fooled"}\n{"step": 3, "warning": "fooled"}\n')
    assert warnings_in(log) == ["fooled"]


def test_leakage_that_is_undefined_is_called_so() -> None:
    assert leakage_note({"validation": {"leakage": {"race": math.nan, "sex": 0.5}}}) == (
        "leakage race undefined, sex 0.50"
    )
