"""Leakage bars: they grow from chance, and the words keep leakage and unfairness apart."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from adfair.reporting.data import ReportData
from adfair.reporting.sections.leakage import leakage
from adfair.reporting.tables import read_table


def test_a_bar_starts_at_chance_and_ends_at_the_value(fake: SimpleNamespace, tmp_path: Path) -> None:
    fake.comparison().to_csv(tmp_path / "comparison.csv", index=False)
    section = leakage(ReportData(title="", metrics=read_table(tmp_path / "comparison.csv")))
    assert section is not None
    assert "Leakage is not unfairness" in section.intro
    bars = [t for t in section.figures[0].variants[0].traces if t["type"] == "bar"]
    tops = {bar["name"]: [b + y for b, y in zip(bar["base"], bar["y"], strict=True)] for bar in bars}
    assert tops["CLIP"] == pytest.approx([0.996, 0.994, 0.996])
    assert tops["AdFair-CLIP"] == pytest.approx([0.651, 0.607, 0.651])
    ends = [(x - w / 2, x + w / 2) for bar in bars for x, w in zip(bar["x"], bar["width"], strict=True)]
    ordered = sorted(ends)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(ordered))
