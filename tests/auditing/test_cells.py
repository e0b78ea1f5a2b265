"""Cells of an audit, and their rows sorted by score."""

from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest

from adfair.auditing import load_predictions
from adfair.auditing.cells import finding_cells, list_cells, select_rows, sort_rows

LABEL, SCORE, UNIT = np.array([0, 1, 1, 0]), np.array([0.5, 0.2, 0.5, 0.9]), np.array([3, 0, 1, 2])


def test_cells_are_everyone_then_groups_then_unknown() -> None:
    frame = pd.DataFrame({"label": 1, "score": 0.5, "race": [*list("BA"), "", "B"], "sex": list("FFMM")})
    cells = list_cells(load_predictions(frame, attributes=["race", "sex"]))
    assert [(c.attribute, c.group, c.known) for c in cells] == [
        ("", "", True),
        ("race", "A", True),
        ("race", "B", True),
        ("race", "Unknown", False),
        ("sex", "F", True),
        ("sex", "M", True),
    ]
    assert [np.flatnonzero(c.rows).tolist() for c in cells[:4]] == [[0, 1, 2, 3], [1], [0, 3], [2]]


def test_sorted_rows_by_hand() -> None:
    rows = sort_rows(LABEL, SCORE, UNIT, threshold=0.5, bins=2)
    assert rows.score.tolist() == [0.2, 0.5, 0.5, 0.9]
    assert rows.unit.tolist() == [0, 3, 1, 2]
    assert rows.label.tolist() == [1, 0, 1, 0]
    assert rows.tied.tolist() == [False, True, False, False]
    assert rows.start == 1
    assert rows.bounds is not None
    assert rows.bounds.tolist() == [0, 1, 4]
    assert (rows.size, rows.positives) == (4, 2)


def test_without_threshold_or_probabilities_there_is_no_start_and_no_bin() -> None:
    assert sort_rows(LABEL, SCORE, UNIT).start == -1
    logits = sort_rows(LABEL, 3 * SCORE, UNIT, threshold=9.0)
    assert logits.bounds is None
    assert logits.start == logits.size


def test_single_is_one_row_a_unit() -> None:
    assert sort_rows(LABEL, SCORE, UNIT).single
    assert not sort_rows(LABEL, SCORE, np.array([0, 1, 1, 2])).single
    assert sort_rows(LABEL[:0], SCORE[:0], UNIT[:0]).single


@pytest.mark.parametrize("decimals", [1, 8])
def test_selecting_sorted_rows_is_sorting_the_selection(decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    label, unit = rng.integers(0, 2, 80), rng.integers(0, 30, 80)
    score, keep = np.round(rng.random(80), decimals), rng.random(80) < 0.4
    options = {"threshold": 0.5, "bins": 7}
    order = np.argsort(score, kind="stable")
    got = select_rows(sort_rows(label, score, unit, **options), keep[order])
    expected = sort_rows(label[keep], score[keep], unit[keep], **options)
    for one, two in zip(astuple(got), astuple(expected), strict=True):
        np.testing.assert_array_equal(one, two)


def test_groups_share_the_bins_of_equal_mass_of_everyone() -> None:
    score = np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.8])
    rows = sort_rows(np.zeros(6), score, np.arange(6), bins=2, binning="mass")
    low = select_rows(rows, score < 0.5)
    assert low.bounds is not None
    assert low.bounds.tolist() == [0, 3, 3]


def test_every_cell_holds_the_labelled_rows_of_its_group(table: Callable[..., pd.DataFrame]) -> None:
    frame = table(60)
    frame.loc[frame.index[::7], "label"] = -1
    predictions = load_predictions(frame, attributes=["race"])
    cells = list_cells(predictions)
    unit = predictions.patient
    got = finding_cells(predictions, cells, np.array([0.5, np.nan]), unit=unit, bins=5, binning="width")
    for f, finding in enumerate(predictions.findings):
        rows = frame[(frame["finding"] == finding) & (frame["label"] >= 0)]
        for cell, found in zip(cells, got[f], strict=True):
            own = rows[rows["race"] == cell.group] if cell.attribute else rows
            assert found.score.tolist() == sorted(own["score"])
            assert found.positives == own["label"].sum()
            assert found.start == ((own["score"] < 0.5).sum() if f == 0 else -1)
