"""Numbers as the page prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfair.reporting.data import Estimate
from adfair.reporting.text import (
    interval,
    listed,
    metric_label,
    metric_words,
    number,
    p_text,
    remark,
    undefined,
    with_interval,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8765, ".876"),
        (1.0, "1.000"),
        (0.9999, "1.000"),
        (-0.012, "−.012"),
        (-0.0001, ".000"),
        (12.5, "12.500"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(-1000, 1000))
def test_number_reads_back_to_the_same_three_digits(value: float) -> None:
    assert float(number(value).replace("−", "-")) == pytest.approx(value, abs=0.000500001)


def test_an_undefined_number_is_never_a_number() -> None:
    nothing = Estimate(float("nan"), note="no positive image")
    assert number(float("nan")) == "undefined"
    assert with_interval(nothing) == "undefined: no positive image"
    assert interval(nothing) == ""


def test_words() -> None:
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a"]) == "a"
    assert listed([]) == ""
    assert metric_label("few_shot_auc@16") == "16-shot AUC"
    assert metric_label("my_metric") == "my_metric"
    assert [metric_words(m) for m in ("auc_gap", "es_auc", "tpr")] == [
        "AUC gap",
        "ES-AUC",
        "true positive rate",
    ]
    assert p_text(0.0004) == "p < .001"
    assert p_text(float("nan")) == ""


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ("", "undefined: no reason recorded"),
        ("no positives", "undefined: no positives"),
        ("undefined: no positives", "undefined: no positives"),
        ("suppressed: a count below 5", "suppressed: a count below 5"),
    ],
)
def test_a_reason_is_given_once(note: str, text: str) -> None:
    assert undefined(Estimate(float("nan"), note=note)) == text


def test_a_remark_names_what_is_left_out_and_no_technicality() -> None:
    note = "mean over 4 of 5 findings, undefined: Edema; 1 of 50 resamples undefined; Wilson interval"
    assert remark(Estimate(0.8, note=note)) == "mean over 4 of 5 findings, undefined: Edema"
    assert remark(Estimate(0.8, note="worst: M")) == ""
