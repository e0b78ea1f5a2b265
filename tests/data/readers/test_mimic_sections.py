"""Sections of MIMIC reports, on texts with known headings."""

import pytest

from adfair.data.readers.mimic_sections import split_report


@pytest.mark.parametrize(
    ("text", "findings", "impression"),
    [
        ("FINDINGS: a\nb\n\nIMPRESSION: c", "a b", "c"),
        ("  FINDINGS:\n\n a\n\n  IMPRESSION:\n\n 1. c\n 2. d\n", "a", "1. c 2. d"),
        ("IMPRESSION: old\nADDENDUM: x\nIMPRESSION: new", "", "new"),
        ("FINDINGS AND IMPRESSION: a", "a", "a"),
        ("FINDINGS: see note: the lungs\nNOTIFICATION: called", "see note: the lungs", ""),
        ("Impression: not a heading", "", ""),
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
