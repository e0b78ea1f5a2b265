"""The plane of the embeddings on the page: every image once, under its own name, a model at a time."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from adfair.reporting.data import ReportData
from adfair.reporting.projection import Projection
from adfair.reporting.sections.projection import MOST_NAMES, projection
from adfair.reporting.tables import read_table

POINTS = np.array([[0.0, 0], [0, 0], [1, 1], [1, 1], [1, 1]])
SEX = np.array(["F", "F", "M", "M", "M"], dtype=object)
MIXED = np.array(["Edema", "no finding"] * 2 + ["Edema"], dtype=object)


@pytest.fixture
def table(fake: SimpleNamespace, tmp_path: Path) -> ReportData:
    fake.comparison().to_csv(tmp_path / "comparison.csv", index=False)
    return ReportData("t", read_table(tmp_path / "comparison.csv"))


def _with(data: ReportData, **models: Projection) -> ReportData:
    return ReportData("t", data.metrics, projections=models)


def test_without_embeddings_there_is_no_section(table: ReportData) -> None:
    assert projection(table) is None


def test_every_image_is_drawn_once_under_its_name_and_what_a_colour_explains_is_said(
    table: ReportData,
) -> None:
    found = Projection(POINTS, (0.6, 0.25), 40, {"finding": MIXED, "sex": SEX})
    section = projection(_with(table, adfair=found))
    assert section is not None
    by_finding, by_sex = section.figures
    assert (by_finding.attributes, by_sex.attributes) == ((), ("sex",))
    (variant,) = by_sex.variants
    assert variant.label == "AdFair-CLIP"
    assert {t["name"]: list(zip(t["x"], t["y"], strict=True)) for t in variant.traces} == {
        "M": [(1, 1)] * 3,
        "F": [(0, 0)] * 2,
    }
    assert by_sex.summary.endswith("AdFair-CLIP 1.000.")
    assert variant.layout["xaxis"]["title"]["text"] == "component 1 (60 % of the spread)"
    assert "5 of 40 images" in variant.table.caption
    assert [[cell.text for cell in row.cells] for row in variant.table.rows] == [
        ["3", "1.000", "1.000"],
        ["2", ".000", ".000"],
    ]


def test_models_are_switched_in_the_order_of_the_page(table: ReportData) -> None:
    found = Projection(POINTS, (0.6, 0.25), 5, {"sex": SEX})
    section = projection(_with(table, adfair=found, clip=found))
    assert section is not None
    assert section.switch == ("CLIP", "AdFair-CLIP")
    assert [variant.label for variant in section.figures[0].variants] == ["CLIP", "AdFair-CLIP"]


def test_the_largest_names_are_drawn_and_all_are_in_the_table(table: ReportData) -> None:
    names = np.array([f"n{i}" for i in range(MOST_NAMES + 2) for _ in range(i + 1)], dtype=object)
    found = Projection(np.ones((len(names), 2)), (0.5, 0.5), len(names), {"race": names})
    section = projection(_with(table, clip=found))
    assert section is not None
    (variant,) = section.figures[0].variants
    assert [t["name"] for t in variant.traces] == [f"n{i}" for i in range(MOST_NAMES + 1, 1, -1)]
    assert len(variant.table.rows) == MOST_NAMES + 2
