"""What the cohort held and which remedy followed, as the diagnosis and the runs recorded them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from adfair.reporting.data import ReportData, RunRecord
from adfair.reporting.sections.cohort import MOST_ROWS, cohort
from adfair.reporting.tables import read_table


@pytest.fixture
def metrics(fake: SimpleNamespace, tmp_path: Path) -> object:
    fake.comparison().to_csv(tmp_path / "comparison.csv", index=False)
    return read_table(tmp_path / "comparison.csv")


def test_without_a_diagnosis_and_a_policy_there_is_no_section(metrics) -> None:
    assert cohort(ReportData("t", metrics, runs=(RunRecord("clip", environment={"python": "3"}),))) is None


def test_signs_notes_and_the_recommended_remedy_are_told_with_their_reasons(metrics) -> None:
    found = {
        "cohort": "films",
        "split": "train",
        "signs": ["Edema goes with race."],
        "notes": ["Few reports."],
        "policy": {"fairness": "adversarial", "weight": 1.5, "scrub": True, "reasons": ["It leaks."]},
    }
    section = cohort(ReportData("t", metrics, diagnosis=found))
    assert section is not None
    assert section.points == (
        ("Signs of bias (films, train)", ("Edema goes with race.", "Note: Few reports.")),
        ("Recommended", ("fairness: adversarial, weight: 1.500, scrub: yes", "It leaks.")),
    )
    assert section.folded == ()


def test_a_cohort_without_signs_says_so(metrics) -> None:
    section = cohort(ReportData("t", metrics, diagnosis={"signs": [], "conclusion": "none; all is well"}))
    assert section is not None
    assert section.points == (("Signs of bias", ("None; all is well.",)),)


def test_the_policy_that_each_run_took_is_told_under_its_model(metrics) -> None:
    taken = RunRecord("adfair", environment={"policy": {"negatives": "same_cell", "reasons": ["Because."]}})
    section = cohort(ReportData("t", metrics, runs=(RunRecord("clip"), taken)))
    assert section is not None
    assert section.points == (("AdFair-CLIP: the policy took", ("negatives: same_cell", "Because.")),)


def test_figures_become_tables_with_every_key_a_column_and_a_cut_that_is_said(metrics) -> None:
    rows = [{"finding": f"f{i}", "auc": 0.5 + i / 1000} for i in range(MOST_ROWS + 1)]
    sizes = [{"group": "A", "n": 12}, {"group": "B", "share": 0.25, "small": None}]
    section = cohort(ReportData("t", metrics, diagnosis={"dependence": rows, "sizes": sizes}))
    assert section is not None
    dependence, held = section.folded
    assert dependence.caption.endswith(f"(the first {MOST_ROWS} of {MOST_ROWS + 1} rows)")
    assert [row.label for row in dependence.rows] == [f"f{i}" for i in range(MOST_ROWS)]
    assert dependence.rows[1].cells[0].text == ".501"
    assert held.caption == "Group sizes"
    assert (held.head, [column.label for column in held.columns]) == ("group", ["n", "share", "small"])
    assert [[cell.text for cell in row.cells] for row in held.rows] == [["12", "–", "–"], ["–", ".250", "–"]]
