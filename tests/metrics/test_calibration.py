"""Brier score and expected calibration error."""

import numpy as np
import pytest

from adfair.metrics import brier, calibration_curve, ece
from adfair.metrics.calibration import bin_bounds


def test_brier_of_known_errors() -> None:
    assert brier([0, 1, 1], [0.5, 0.5, 1.0]) == pytest.approx(0.5 / 3)


def test_ece_against_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    s, y = rng.random(500), rng.integers(0, 2, 500)
    expected = 0.0
    for k in range(10):
        members = (s >= k / 10) & ((s < (k + 1) / 10) | (k == 9))
        expected += members.mean() * abs(y[members].mean() - s[members].mean())
    assert ece(y, s) == pytest.approx(expected, abs=1e-14)


def test_perfect_calibration_has_no_error() -> None:
    s = np.repeat([0.25, 0.75], 4)
    assert ece([1, 0, 0, 0, 1, 1, 1, 0], s) == 0
    np.testing.assert_allclose(
        calibration_curve([1, 0, 0, 0, 1, 1, 1, 0], s), [[4, 0.25, 0.25], [4, 0.75, 0.75]]
    )


def test_mass_bins_hold_equal_counts_and_never_split_ties() -> None:
    distinct = np.sort(np.random.default_rng(1).random(100))
    np.testing.assert_array_equal(np.diff(bin_bounds(distinct, bins=10, binning="mass")), 10)
    tied = np.sort(np.repeat([0.1, 0.2, 0.9], 7))
    bounds = bin_bounds(tied, bins=5, binning="mass")
    for bound in bounds[1:-1]:
        assert bound in (0, 7, 14, 21)


@pytest.mark.parametrize("scores", [[-0.1, 0.5], [0.2, 1.2], []])
def test_scores_that_are_no_probabilities_have_none(scores: list[float]) -> None:
    y = [0, 1][: len(scores)]
    assert np.isnan(brier(y, scores))
    assert np.isnan(ece(y, scores))
