"""Adjusted p-values."""

import numpy as np
import pytest
from scipy import stats

from adfair.metrics.multiplicity import adjust, benjamini_hochberg, holm


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_agrees_with_scipy() -> None:
    p = np.random.default_rng(0).random(30)
    np.testing.assert_allclose(benjamini_hochberg(p), stats.false_discovery_control(p), atol=1e-14)


@pytest.mark.parametrize("method", ["holm", "bh"])
def test_adjusted_values_keep_order_and_nan(method: str) -> None:
    p = np.array([0.2, np.nan, 0.01, 0.9, 0.05])
    got = adjust(p, method=method)
    assert np.isnan(got[1])
    known = np.isfinite(p)
    assert (got[known] >= p[known]).all()
    assert (got[known] <= 1).all()
    assert (np.argsort(got[known], kind="stable") == np.argsort(p[known], kind="stable")).all()


def test_none_changes_nothing() -> None:
    np.testing.assert_array_equal(adjust([0.3, 0.01], method="none"), [0.3, 0.01])
