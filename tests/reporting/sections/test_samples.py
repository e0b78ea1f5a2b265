"""Sections of images: each only where its sheet was given, and never one in the place of the other."""

from pathlib import Path
from types import SimpleNamespace

from adfair.reporting.data import ReportData, SampleSheet
from adfair.reporting.sections.samples import missed, samples
from adfair.reporting.tables import read_table

SHEET = SampleSheet("race", ("Edema",), (("White", (None,)),), "Missed by CLIP")


def test_a_sheet_is_shown_in_its_own_section_alone(fake: SimpleNamespace, tmp_path: Path) -> None:
    fake.comparison().to_csv(tmp_path / "comparison.csv", index=False)
    metrics = read_table(tmp_path / "comparison.csv")
    nothing, drawn = ReportData("t", metrics), ReportData("t", metrics, samples=SHEET)
    asked = ReportData("t", metrics, missed=SHEET)
    assert [samples(nothing), missed(nothing), missed(drawn), samples(asked)] == [None] * 4
    shown = missed(asked)
    assert shown is not None
    assert shown.samples is SHEET
    assert "may be images of patients" in shown.intro
    synthetic = samples(drawn)
    assert synthetic is not None
    assert synthetic.samples is SHEET
    assert "no patient is shown" in synthetic.intro
