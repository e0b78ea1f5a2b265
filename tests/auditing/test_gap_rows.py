"""Rows of gaps and of signed differences: whose counts they give, and what their notes say."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from tests.auditing.measuring import by_metric, measured, without_positives

from adfair.auditing.gap_rows import THRESHOLDED, gap_rows
from adfair.auditing.gaps import GAPS

Maker = Callable[..., pd.DataFrame]


def test_counts_are_those_of_the_groups_that_enter(table: Maker) -> None:
    frame = without_positives(table(findings=1), "C")
    rows = by_metric(gap_rows(measured(frame)), "f0")
    sizes = frame["race"].value_counts()
    assert rows["auc_gap"]["n"] == sizes["A"] + sizes["B"]
    assert rows["demographic_parity_difference"]["n"] == len(frame)
    assert rows["auc_gap"]["n_positive"] == frame["label"].sum()


def test_the_worst_group_is_named_among_those_that_enter(table: Maker) -> None:
    rows = by_metric(gap_rows(measured(without_positives(table(900, gap=2.0), "C"))), "f0")
    assert rows["worst_group_auc"]["note"] == "worst: B; without C (undefined there)"
    assert rows["auc_gap"]["note"] == "without C (undefined there)"


def test_fewer_than_two_usable_groups_leave_a_gap_undefined(table: Maker) -> None:
    frame = without_positives(without_positives(table(findings=1), "A"), "C")
    rows = gap_rows(measured(frame, replicates=20, permutations=20))
    for finding, note in (
        ("f0", "undefined: tpr and fpr defined in fewer than two groups"),
        ("mean", "undefined: undefined for every finding"),
    ):
        got = by_metric(rows, finding)["equalized_odds_difference"]
        assert got["note"] == note
        figures = [got[k] for k in ("value", "ci_low", "ci_high", "expected_by_chance", "p_value")]
        assert np.isnan(figures).all()


def test_the_gaps_of_an_attribute_of_one_group_are_undefined_and_say_why(table: Maker) -> None:
    one = measured(table().assign(race="A"))
    rows = gap_rows(one)
    assert {r["metric"] for r in rows} == {gap.name for gap in GAPS}
    assert {r["note"] for r in rows} == {"undefined: 1 known group, a gap needs two"}
    assert np.isnan([r["value"] for r in rows]).all()


def test_chance_is_given_only_where_it_was_asked_for(table: Maker) -> None:
    frame = table(120)
    off, on = (by_metric(gap_rows(measured(frame, permutations=p)), "mean") for p in (0, 99))
    for gap in GAPS:
        assert np.isnan([off[gap.name]["expected_by_chance"], off[gap.name]["p_value"]]).all()
        assert 0 <= on[gap.name]["expected_by_chance"] <= 1
        assert 1 <= round(on[gap.name]["p_value"] * 100, 9) <= 100
        assert on[gap.name]["value"] == off[gap.name]["value"]


def test_patients_of_several_groups_are_counted_and_thresholds_explained(table: Maker) -> None:
    frame = table(40)
    frame.loc[frame["image_id"].isin(["i0", "i2"]), "race"] = "A"
    frame.loc[frame["image_id"].isin(["i1", "i3"]), "race"] = "B"
    rows = [r for r in gap_rows(measured(frame), "in-sample") if r["finding"] == "mean"]
    assert all("2 patients change group" in r["note"] for r in rows)
    assert {r["metric"] for r in rows if "in-sample" in r["note"]} == THRESHOLDED
    assert {"es_accuracy", "underdiagnosis_gap"} < THRESHOLDED
    assert not {"es_auc", "auc_gap", "ece_gap"} & THRESHOLDED


def test_small_groups_that_enter_are_named(table: Maker) -> None:
    frame = table()
    few = frame["patient_id"].isin(["p0", "p1", "p2"])
    frame.loc[few, "race"] = "Z"
    rows = gap_rows(measured(frame, replicates=20))
    entering = [r for r in rows if "Z" not in r["note"].partition("without ")[2]]
    assert len(entering) > 10
    assert all("small group: Z, 3 patients, fewer than 10" in r["note"] for r in entering)
    assert not any("small group" in r["note"] for r in gap_rows(measured(table(), replicates=20)))
