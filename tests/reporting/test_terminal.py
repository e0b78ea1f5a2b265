"""The comparison on the terminal."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
from rich.console import Console

from adfair.reporting.terminal import comparison_table


def _printed(comparison: pd.DataFrame) -> str:
    console = Console(width=140, record=True, force_terminal=False, file=None, quiet=False)
    with console.capture() as captured:
        console.print(comparison_table(comparison))
    return captured.get()


def _line(text: str, label: str) -> str:
    return next(line for line in text.splitlines() if label in line)


def test_models_stand_side_by_side_with_intervals_and_the_best_marked(fake: SimpleNamespace) -> None:
    text = _printed(fake.comparison())
    assert "CLIP" in text
    assert "AdFair-CLIP" in text
    auc = _line(text, "│ AUC ")
    assert ".876  [.864,\u00a0.888]" in auc
    assert ".889* [.877,\u00a0.901]" in auc
    gap = _line(text, "Equalized odds difference, race")
    assert ".061* [" in gap
    assert ".224  [" in gap
    assert "chance .040" in text
    assert ".789" in _line(text, "AUC, reversed")
    assert ".838" in _line(text, "16-shot AUC")
    assert ".996" in _line(text, "Leakage of race")


def test_undefined_keeps_its_reason_and_absent_lines_are_left_out(fake: SimpleNamespace) -> None:
    rows = [fake.row("a", "auc", float("nan"), note="one class only"), fake.row("b", "auc", 0.8)]
    text = _printed(pd.DataFrame(rows, columns=fake.COLUMNS))
    assert "undefined: one class only" in text
    assert "Leakage" not in text
    assert "*" not in _line(text, "│ AUC ")


def test_a_model_name_with_brackets_is_printed_as_it_is(fake: SimpleNamespace) -> None:
    assert "[bold red]m[/]" in _printed(fake.comparison(models=("[bold red]m[/]",)))


def test_an_empty_string_is_an_undefined_number(fake: SimpleNamespace, tmp_path: Path) -> None:
    rows = [fake.row("a", "auc", float("nan"), note="one class only"), fake.row("b", "auc", 0.8)]
    pd.DataFrame(rows, columns=fake.COLUMNS).to_csv(tmp_path / "comparison.csv", index=False)
    text = _printed(pd.read_csv(tmp_path / "comparison.csv", keep_default_na=False))
    assert "undefined: one class only" in text
    assert ".800" in text
