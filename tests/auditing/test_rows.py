"""Rows of the base metrics: intervals by hand, means over findings, and notes."""

import numpy as np
import pandas as pd
import pytest

from adfair.auditing import load_predictions
from adfair.auditing.measure import measure
from adfair.auditing.rows import COLUMNS, EMITTED, Row, base_rows, mean_note, mean_over_findings, row
from adfair.auditing.settings import Settings

# At 0.5: TP 3, FN 1, FP 1, TN 4.
LABEL = [1, 1, 1, 1, 0, 0, 0, 0, 0]
SCORE = [0.9, 0.8, 0.7, 0.2, 0.6, 0.1, 0.1, 0.1, 0.1]
THREE_OF_FOUR, ONE_OF_FIVE = (0.30064, 0.95441), (0.03622, 0.62447)  # Wilson (1927), 95 %


def rows_of(frame: pd.DataFrame, **options: object) -> list[Row]:
    settings = Settings(**{"replicates": 40, "permutations": 0, "threads": 1} | options)
    predictions = load_predictions(frame, attributes=[name for name in ("sex",) if name in frame])
    return base_rows(measure(predictions, np.full(len(predictions.findings), 0.5), settings))


def pick(rows: list[Row], metric: str, finding: str, group: str = "") -> Row:
    return next(r for r in rows if (r["metric"], r["finding"], r["group"]) == (metric, finding, group))


def test_a_row_has_every_column_in_order_and_leaves_figures_empty() -> None:
    got = row("auc", "Edema", "sex", "F", figures={"value": 0.5, "n": 3})
    assert list(got) == list(COLUMNS)
    assert {name for name, value in got.items() if value != value} == {
        *("ci_low", "ci_high", "expected_by_chance", "p_value", "p_adjusted", "n_positive")
    }


def test_wilson_intervals_have_the_denominator_of_their_rate() -> None:
    frame = pd.DataFrame({"label_Edema": LABEL, "score_Edema": SCORE})
    frame[["label_No Finding", "score_No Finding"]] = frame[["label_Edema", "score_Edema"]]
    rows = rows_of(frame)
    mirrored = [tuple(1 - end for end in ends[::-1]) for ends in (THREE_OF_FOUR, ONE_OF_FIVE)]
    for metric, finding, ends in (
        ("tpr", "Edema", THREE_OF_FOUR),
        ("fnr", "Edema", mirrored[0]),
        ("fpr", "Edema", ONE_OF_FIVE),
        ("ppv", "Edema", THREE_OF_FOUR),
        ("npv", "Edema", mirrored[1]),
        ("underdiagnosis_rate", "Edema", mirrored[0]),
        ("underdiagnosis_rate", "No Finding", ONE_OF_FIVE),
    ):
        got = pick(rows, metric, finding)
        assert (got["ci_low"], got["ci_high"]) == pytest.approx(ends, abs=1e-5), metric
        assert got["note"].startswith("Wilson interval")


def test_without_replicates_there_is_no_interval_and_no_note_of_one() -> None:
    rows = rows_of(pd.DataFrame({"label": LABEL, "score": SCORE}), replicates=0, min_group=0)
    assert all(np.isnan([r["ci_low"], r["ci_high"]]).all() for r in rows)
    assert {r["note"] for r in rows} == {""}


def test_an_interval_without_width_is_said_to_be_one() -> None:
    frame = pd.DataFrame({"label": LABEL, "score": 0.9})
    assert "no resample differs" in pick(rows_of(frame, interval="percentile"), "tpr", "label")["note"]
    assert "no resample differs" not in pick(rows_of(frame), "tpr", "label")["note"]


def test_delong_intervals_stay_within_zero_and_one() -> None:
    score = [0.9, 0.8, 0.7, 0.55, 0.6, 0.1, 0.1, 0.1, 0.1]
    got = pick(rows_of(pd.DataFrame({"label": LABEL, "score": score}), interval="delong"), "auc", "label")
    assert got["value"] == pytest.approx(19 / 20)
    assert got["ci_high"] == 1.0
    # Positives lie above 1, 1, 1 and .8 of the negatives, negatives below .75, 1, 1, 1 and 1 of the positives.
    variance = np.var([1, 1, 1, 0.8], ddof=1) / 4 + np.var([0.75, 1, 1, 1, 1], ddof=1) / 5
    assert got["ci_low"] == pytest.approx(0.95 - 1.959964 * np.sqrt(variance), abs=1e-6)


def test_everyone_and_each_group_have_every_metric_and_its_counts() -> None:
    frame = pd.DataFrame({"label_a": LABEL, "score_a": SCORE, "sex": [*list("FFMMFFMM"), ""]})
    frame = frame.assign(label_b=[-1, *LABEL[1:]], score_b=frame["score_a"])
    rows = rows_of(frame, replicates=0)
    assert len(rows) == len(EMITTED) * 3 * 4
    assert [pick(rows, "auc", "mean", g)["n"] for g in ("", "F", "M", "Unknown")] == [17, 7, 8, 2]
    assert [pick(rows, "auc", "mean", g)["n_positive"] for g in ("", "F", "M", "Unknown")] == [7, 3, 4, 0]
    assert "not part of any gap" in pick(rows, "ece", "a", "Unknown")["note"]
    assert "small group: 4 patients, fewer than 10" in pick(rows, "ece", "a", "F")["note"]


def test_a_mean_is_over_the_findings_defined_in_the_observed_table() -> None:
    nan = np.nan
    values = np.array([[1.0, 3.0, nan], [2.0, nan, 5.0], [4.0, 6.0, 100.0]])
    np.testing.assert_array_equal(mean_over_findings(values), [2.0, nan, 5.0])
    np.testing.assert_array_equal(mean_over_findings(np.array([[nan], [1.0]])), [nan, nan])


def test_a_mean_names_the_findings_it_leaves_out() -> None:
    names = ("a", "b", "c")
    assert mean_note(np.array([0.1, 0.2, 0.3]), names) == ""
    assert mean_note(np.array([np.nan, 0.2, np.nan]), names) == "mean over 1 of 3 findings, undefined: a, c"
    assert mean_note(np.full(3, np.nan), names) == "undefined: undefined for every finding"


def test_a_delong_interval_that_does_not_exist_is_said_and_not_left_blank() -> None:
    frame = pd.DataFrame({"label": [1, 0, 0, 0], "score": [0.4, 0.1, 0.5, 0.3]})
    got = pick(rows_of(frame, interval="delong", min_group=0), "auc", "label")
    assert got["value"] == pytest.approx(2 / 3)
    assert np.isnan([got["ci_low"], got["ci_high"]]).all()
    assert "no DeLong interval" in got["note"]
