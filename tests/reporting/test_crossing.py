"""Crossed attributes: the table's own values where it has them, else the mean over findings by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from adfair.auditing.formats import load_predictions
from adfair.reporting.crossing import FEW, crossing
from adfair.reporting.data import ReportData
from adfair.reporting.sections.intersections import intersections

COLUMNS = ["metric", "finding", "attribute", "group", "value"]


def _data(rows: list[tuple[str, str, str, str, float]], **more: object) -> ReportData:
    table = pd.DataFrame(rows, columns=COLUMNS).assign(model="clip", test_set="test", stratum="", note="")
    for column in ("ci_low", "ci_high", "expected_by_chance", "p_value", "p_adjusted", "n", "n_positive"):
        table[column] = np.nan
    return ReportData("t", table, **more)  # type: ignore[arg-type]


def test_without_the_table_cells_are_computed_from_the_predictions() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({
        "image_id": range(400), "finding": "A", "label": rng.integers(0, 2, 400), "score": rng.random(400),
        "race": np.where(np.arange(400) < 395, rng.choice(["B", "W"], 400), "Z"), "sex": rng.choice(["F", "M"], 400),
    })  # fmt: skip
    rows = [("auc", "mean", a, g, 0.5) for a, gs in (("race", "BWZ"), ("sex", "FM")) for g in gs]
    rows.append(("threshold", "A", "", "", 0.4))
    data = _data(rows, predictions={"clip": load_predictions(frame, attributes=["race", "sex"])})
    found = crossing(data, "clip", ("race", "sex"))
    assert found is not None
    assert not found.audited
    own = frame[(frame["race"] == "B") & (frame["sex"] == "M")]
    place = found.rows.index("B"), found.columns.index("M")
    held = {m: found.cells[m][place[0]][place[1]] for m in ("auc", "tpr")}
    assert held["auc"].value == pytest.approx(roc_auc_score(own["label"], own["score"]))
    assert held["tpr"].value == pytest.approx((own["score"][own["label"] == 1] >= 0.4).mean())
    small = found.cells["auc"][found.rows.index("Z")][0]
    assert np.isnan(small.value)
    assert small.note == f"fewer than {FEW} patients"
    assert intersections(data) is not None


def test_the_audit_speaks_where_it_has_the_intersection_even_named_the_other_way() -> None:
    rows = [("auc", "mean", a, g, 0.5) for a, gs in (("race", "BW"), ("sex", "FM")) for g in gs]
    rows += [("auc", "mean", "sex*race", f"{s}*{r}", v) for s, r, v in (("F", "B", 0.7), ("M", "W", 0.9))]
    found = crossing(_data(rows), "clip", ("race", "sex"))
    assert found is not None
    assert found.audited
    cell = found.cells["auc"][found.rows.index("B")][found.columns.index("F")]
    assert cell is not None
    assert cell.value == 0.7
