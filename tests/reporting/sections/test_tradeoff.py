"""Accuracy against the gap: each model at its own place, and no figure where a place is missing."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from adfair.reporting.data import ReportData
from adfair.reporting.sections.tradeoff import tradeoff
from adfair.reporting.tables import read_table

GAP, WORST = "equalized_odds_difference", "worst_group_auc"
PLACES = {"clip": (0.2, 0.7, 0.9), "adfair": (0.1, 0.8, 0.88)}


def _data(fake: SimpleNamespace, folder: Path, rows: list[dict[str, object]]) -> ReportData:
    pd.DataFrame(rows, columns=fake.COLUMNS).to_csv(folder / "comparison.csv", index=False)
    return ReportData("t", read_table(folder / "comparison.csv"))


def _rows(fake: SimpleNamespace, *left_out: tuple[str, str]) -> list[dict[str, object]]:
    rows = []
    for model, (gap, worst, auc) in PLACES.items():
        rows += [fake.row(model, GAP, gap, attribute="race", half=0.03, expected_by_chance=0.04)]
        rows += [fake.row(model, WORST, worst, attribute="race"), fake.row(model, "auc", auc)]
    return [row for row in rows if (row["model"], row["metric"]) not in left_out]


def test_a_model_stands_at_its_gap_and_at_the_auc_of_its_worst_group(
    fake: SimpleNamespace, tmp_path: Path
) -> None:
    section = tradeoff(_data(fake, tmp_path, _rows(fake)))
    assert section is not None
    (figure,) = section.figures
    (variant,) = figure.variants
    assert {t["meta"]: (t["x"], t["y"]) for t in variant.traces} == {
        model: ([gap], [worst]) for model, (gap, worst, _) in PLACES.items()
    }
    bars = variant.traces[0]["error_x"]
    assert (bars["array"], bars["arrayminus"]) == (pytest.approx([0.03]), pytest.approx([0.03]))
    assert variant.layout["yaxis"]["title"]["text"] == "Worst-group AUC"
    assert "AdFair-CLIP .800 [.788,\u00a0.812] at a gap of .100 [.070,\u00a0.130]" in figure.summary
    shown = {row.label: [cell.text for cell in row.cells] for row in variant.table.rows}
    assert shown == {"CLIP": [".200", ".700"], "AdFair-CLIP": [".100", ".800"]}
    assert "chance .040" in variant.table.rows[0].cells[0].details


def test_without_worst_groups_the_mean_auc_is_the_height(fake: SimpleNamespace, tmp_path: Path) -> None:
    section = tradeoff(_data(fake, tmp_path, _rows(fake, ("clip", WORST), ("adfair", WORST))))
    assert section is not None
    (variant,) = section.figures[0].variants
    assert [t["y"] for t in variant.traces] == [[0.9], [0.88]]
    assert variant.layout["yaxis"]["title"]["text"] == "AUC"


def test_a_model_with_an_undefined_gap_keeps_its_row_and_has_no_point(
    fake: SimpleNamespace, tmp_path: Path
) -> None:
    rows = _rows(fake, ("adfair", GAP))
    rows.append(fake.row("adfair", GAP, float("nan"), attribute="race", note="undefined: one group only"))
    section = tradeoff(_data(fake, tmp_path, rows))
    assert section is not None
    (variant,) = section.figures[0].variants
    assert [t["meta"] for t in variant.traces] == ["clip"]
    cell = variant.table.rows[1].cells[0]
    assert (cell.mark, cell.details) == ("undefined", ("one group only",))


def test_one_model_or_no_gap_gives_no_section(fake: SimpleNamespace, tmp_path: Path) -> None:
    assert tradeoff(_data(fake, tmp_path, [r for r in _rows(fake) if r["model"] == "clip"])) is None
    assert tradeoff(_data(fake, tmp_path, _rows(fake, ("clip", GAP), ("adfair", GAP)))) is None
