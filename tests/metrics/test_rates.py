"""Rates at a threshold."""

import numpy as np
import pytest

from adfair.metrics.rates import RATES, apply_threshold, rates, rates_from_counts


def test_every_rate_of_a_small_table() -> None:
    got = rates([1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0, 0, 0])
    expected = {"tpr": 2 / 3, "fnr": 1 / 3, "fpr": 0.2, "tnr": 0.8, "ppv": 2 / 3, "npv": 0.8}
    expected |= {"selection_rate": 3 / 8, "accuracy": 6 / 8}
    assert got == pytest.approx(expected)
    assert set(got) == set(RATES)


def test_a_score_equal_to_the_threshold_is_positive() -> None:
    np.testing.assert_array_equal(apply_threshold([0.4, 0.5, 0.6], 0.5), [0, 1, 1])


def test_empty_denominators_are_nan() -> None:
    got = rates_from_counts(tn=0, fn=0, fp=0, tp=3)
    assert np.isnan([got["fpr"], got["tnr"], got["npv"]]).all()
    assert got["tpr"] == got["ppv"] == 1


def test_complementary_rates_sum_to_one() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (4, 50))
    got = rates_from_counts(*counts)
    np.testing.assert_allclose(got["tpr"] + got["fnr"], np.where(np.isnan(got["tpr"]), np.nan, 1))
    np.testing.assert_allclose(got["fpr"] + got["tnr"], np.where(np.isnan(got["fpr"]), np.nan, 1))


def test_only_zero_and_one_are_accepted() -> None:
    with pytest.raises(ValueError, match="0 and 1"):
        rates([0, 1], [0.2, 1])
