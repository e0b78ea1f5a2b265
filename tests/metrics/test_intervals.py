"""Intervals and p-values."""

from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from adfair.metrics.intervals import (
    bca_interval,
    bootstrap_p_value,
    gap_interval,
    normal_interval,
    normal_p_value,
    percentile_interval,
    permutation_p_value,
    wilson_interval,
)


def test_percentile_interval_is_numpys_quantile_without_nan() -> None:
    x = np.random.default_rng(0).normal(size=(500, 3))
    x[:100, 1] = np.nan
    low, high = percentile_interval(x, level=0.9)
    np.testing.assert_allclose(low, np.nanquantile(x, 0.05, axis=0), atol=1e-14)
    np.testing.assert_allclose(high, np.nanquantile(x, 0.95, axis=0), atol=1e-14)


def test_no_interval_when_most_resamples_are_undefined_or_there_are_none() -> None:
    x = np.full((10, 1), np.nan)
    x[:4] = 1.0
    assert np.isnan(percentile_interval(x)).all()
    assert np.isnan(percentile_interval(np.empty((0, 2)))).all()


def test_bca_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    data = rng.exponential(size=40)
    result = stats.bootstrap(
        (data,), np.mean, n_resamples=4000, method="BCa", vectorized=True, rng=np.random.default_rng(2)
    )
    jackknife = np.array([np.delete(data, i).mean() for i in range(40)])
    low, high = bca_interval(data.mean(), result.bootstrap_distribution, jackknife)
    np.testing.assert_allclose([low, high], result.confidence_interval, atol=2e-3)
    # Each unit left out twice, of 40: the same skewness.
    twice = bca_interval(data.mean(), result.bootstrap_distribution, np.tile(jackknife, 2), units=40)
    np.testing.assert_allclose(twice, [low, high], atol=1e-9)


def test_bca_without_bias_or_skewness_is_the_percentile_interval() -> None:
    half = np.arange(1, 1001) / 1000
    x = np.concatenate([-half, half])
    flat = np.concatenate([np.full(5, -1.0), np.full(5, 1.0)])
    np.testing.assert_allclose(bca_interval(0.0, x, flat), percentile_interval(x), atol=1e-12)


def test_gap_interval_holds_the_observed_value_and_can_reach_zero() -> None:
    rng = np.random.default_rng(3)
    replicates = np.abs(rng.normal(0.05, 0.02, 2000)) + 0.02
    low, high = gap_interval(0.03, replicates)
    assert low == 0
    assert low <= 0.03 <= high
    assert percentile_interval(replicates)[0] > 0.03


def test_gap_interval_joins_both_corrections() -> None:
    replicates = 0.34 + np.random.default_rng(6).normal(0, 0.02, 4000)
    bias = replicates.mean() - 0.3
    low, high = percentile_interval(replicates)
    np.testing.assert_allclose(gap_interval(0.3, replicates), (low - 2 * bias, high - bias), atol=1e-12)


def test_gap_interval_without_bias_is_the_percentile_interval() -> None:
    x = 0.5 + np.concatenate([-np.arange(100), np.arange(100)]) / 1000
    np.testing.assert_allclose(gap_interval(x.mean(), x), percentile_interval(x), atol=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (55, 900)])
def test_wilson_agrees_with_scipy(k: int, n: int) -> None:
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson_interval(k, n), [expected.low, expected.high], atol=1e-12)
    assert np.isnan(wilson_interval(0, 0)).all()


def test_normal_interval_and_p_value_agree() -> None:
    low, high = normal_interval(0.1, 0.0025, level=0.95)
    assert (low + high) / 2 == pytest.approx(0.1)
    assert normal_p_value(0.1, 0.0025) == pytest.approx(2 * (1 - NormalDist().cdf(2)))
    edge = 1.959963984540054 * 0.05
    assert normal_p_value(edge, 0.0025) == pytest.approx(0.05)
    assert normal_p_value(0, 0) == 1.0
    assert np.isnan(normal_p_value(1, 0)), "no variance is no certainty"


def test_permutation_p_value_counts_ties_and_the_observed_one() -> None:
    null = np.array([0.1, 0.2, 0.2, np.nan, 0.4])
    assert permutation_p_value(0.2, null) == (3 + 1) / (4 + 1)
    assert permutation_p_value(0.5, null) == 1 / 5
    assert permutation_p_value(0.1, null, lower=True) == 2 / 5
    assert np.isnan(permutation_p_value(np.nan, null))


def test_bootstrap_p_value_inverts_the_interval() -> None:
    x = np.random.default_rng(4).normal(1.0, 0.5, 5000)
    p = float(bootstrap_p_value(x))
    low, high = percentile_interval(x, level=1 - p)
    assert min(abs(low), abs(high)) < 0.02
    assert bootstrap_p_value(np.array([1.0, -1.0, 0.0])) == 1.0
    assert bootstrap_p_value(np.ones(99)) == 2 / 100, "never 0"
