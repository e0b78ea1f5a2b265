import math
import statistics

import numpy as np
import pytest
from scipy import stats

from adfair.metrics.repeats import mean_sd, paired_difference, pareto_optimal


def test_mean_and_sample_deviation() -> None:
    assert mean_sd([1.0, 2.0, 3.0]) == (2.0, 1.0)
    values = np.random.default_rng(0).normal(size=7)
    assert mean_sd(values) == pytest.approx((statistics.fmean(values), statistics.stdev(values)), abs=1e-15)


def test_one_value_has_no_deviation_and_none_has_no_mean() -> None:
    mean, sd = mean_sd([0.8])
    assert mean == 0.8
    assert math.isnan(sd)
    assert all(map(math.isnan, mean_sd([])))


def test_an_undefined_value_is_not_left_out() -> None:
    assert all(map(math.isnan, mean_sd([0.8, float("nan"), 0.9])))
    assert all(map(math.isnan, paired_difference([0.8, float("nan")], [0.7, 0.7])))


def test_the_t_interval_in_closed_form() -> None:
    # Differences 1, 2, 3: sd 1. With 2 degrees of freedom t(p) = (2p - 1) / sqrt(2p (1 - p)).
    found = paired_difference([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    half = 0.95 / math.sqrt(2 * 0.975 * 0.025) / math.sqrt(3)
    assert found == pytest.approx((2.0, 2.0 - half, 2.0 + half), abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_t_interval_is_that_of_scipy(n: int, level: float) -> None:
    a, b = np.random.default_rng(n).normal(size=(2, n))
    expected = stats.ttest_rel(a, b).confidence_interval(level)
    found = paired_difference(a, b, level=level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-10)


def test_one_pair_has_a_difference_and_no_interval() -> None:
    found = paired_difference([0.8], [0.5])
    assert found.value == pytest.approx(0.3)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_pareto_by_hand() -> None:
    points = [[3, 1], [1, 3], [2, 2], [2, 1], [1, 1], [2, 2], [math.nan, 9]]
    assert pareto_optimal(points).tolist() == [True, True, True, False, False, True, False]


def test_pareto_against_the_definition() -> None:
    points = np.random.default_rng(1).integers(0, 5, size=(40, 3)).astype(float)

    def beats(q: np.ndarray, p: np.ndarray) -> bool:
        return all(q[k] >= p[k] for k in range(3)) and any(q[k] > p[k] for k in range(3))

    expected = [not any(beats(q, p) for q in points) for p in points]
    assert pareto_optimal(points).tolist() == expected
    assert 0 < sum(expected) < 40
