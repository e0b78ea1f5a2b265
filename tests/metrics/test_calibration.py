"""Brier score and expected calibration error."""

import numpy as np
import pytest

from adfair.metrics import brier, calibration_curve, ece
from adfair.metrics.calibration import bin_bounds, ece_by_chance


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


def test_bins_are_closed_on_the_left_at_every_tenth() -> None:
    score = np.repeat([0.25, 0.3, 0.6, 0.7], 10)
    curve = calibration_curve(np.repeat([0, 1, 0, 1], 10), score)
    np.testing.assert_array_equal(curve[:, 0], [10, 10, 10, 10])
    error = np.mean([0.25, 0.7, 0.6, 0.3])
    assert ece(np.repeat([0, 1, 0, 1], 10), score) == pytest.approx(error)


def test_error_by_chance_is_the_mean_over_labels_drawn_from_the_scores() -> None:
    rng = np.random.default_rng(0)
    score = np.sort(rng.beta(2, 2, 400))
    drawn = [ece(rng.random(400) < score, score) for _ in range(500)]
    level = ece_by_chance(score, bin_bounds(score, bins=10, binning="width"))
    assert level == pytest.approx(np.mean(drawn), rel=0.03)
    assert np.isnan(ece_by_chance(score[:0], np.zeros(11, dtype=int)))
