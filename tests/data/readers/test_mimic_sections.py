"""Sections of MIMIC reports, on texts with known headings."""

from pathlib import Path

import pandas as pd
import pytest

from adfair.data.readers.mimic_sections import read_sections, split_report


@pytest.mark.parametrize(
    ("text", "findings", "impression"),
    [
        ("FINDINGS: a\nb\n\nIMPRESSION: c", "a b", "c"),
        ("  FINDINGS:\n\n a\n\n  IMPRESSION:\n\n 1. c\n 2. d\n", "a", "1. c 2. d"),
        ("IMPRESSION: old\nADDENDUM: x\nIMPRESSION: new", "", "new"),
        ("FINDINGS AND IMPRESSION: a", "a", "a"),
        ("FINDINGS: see note: the lungs\nNOTIFICATION: called", "see note: the lungs", ""),
        ("Impression: not a heading", "", ""),
        ("FINDINGS: a\nIMPRESSION: c\nFINDINGS:\n\nIMPRESSION: \n", "a", "c"),
        ("CONCLUSION: c", "", "c"),
        ("FINDINGS: a\nCONCLUSIONS: c", "a", "c"),
        ("FINDINGS/IMPRESSION:\n\n a", "a", "a"),
        ("CHEST, TWO VIEWS: a\n\nIMPRESSION: c", "a", "c"),
        ("PORTABLE AP CHEST RADIOGRAPH:\n a", "a", ""),
        ("PA AND LATERAL CHEST:\n\nINDICATION: b\n\nFINDINGS: a", "a", ""),
        ("FINDINGS: a\nAP VIEW: d", "a", ""),
        ("FINDINGS:\nAP VIEW: d", "d", ""),
        ("REASON FOR CHEST RADIOGRAPH: b\nCOMPARISON CHEST: d\nVIEWS: e\nCHEST EXAM: f", "", ""),
        ("", "", ""),
    ],
)
def test_findings_and_impression(text: str, findings: str, impression: str) -> None:
    sections = split_report(text)
    assert (sections["findings"], sections["impression"]) == (findings, impression)
    assert sections["report"] == text.strip()


def test_the_last_paragraph() -> None:
    assert split_report("CHEST:\n\n First.\n \n Second\n line.\n\n")["last_paragraph"] == "Second line."
    assert split_report("")["last_paragraph"] == ""


def test_reports_of_a_part_of_the_patients_are_found(tmp_path: Path) -> None:
    number = pd.Series(range(1000))
    studies = pd.DataFrame(
        {
            "subject_id": (10_000_000 + number * 10_000).astype(str),
            "study_id": (50_000_000 + number).astype(str),
        }
    )
    for subject, study in studies.iloc[900:].itertuples(index=False):
        folder = tmp_path / f"files/p{subject[:2]}/p{subject}"
        folder.mkdir(parents=True)
        (folder / f"s{study}.txt").write_text("IMPRESSION: c")
    found = read_sections([tmp_path], studies)
    assert found is not None
    assert found[0]["study_id"].tolist() == studies["study_id"][900:].tolist()
