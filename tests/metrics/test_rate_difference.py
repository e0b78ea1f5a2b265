"""Newcombe's interval against the figures of his paper, and the p-value that belongs to it."""

import numpy as np
import pytest

from adfair.metrics.rate_difference import newcombe_interval, newcombe_p_value

# Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/20, 5/56 - 0/29 and 0/10 - 0/10.
PART = np.array([[56, 9, 10, 5, 0], [48, 3, 0, 0, 0]])
WHOLE = np.array([[70, 10, 10, 56, 10], [80, 10, 20, 29, 10]])


def test_the_published_intervals() -> None:
    low, high = newcombe_interval(PART, WHOLE)
    assert low == pytest.approx([0.0524, 0.1705, 0.6791, -0.0381, -0.2775], abs=5e-5)
    assert high == pytest.approx([0.3339, 0.8090, 1.0000, 0.1926, 0.2775], abs=5e-5)


def test_p_is_the_level_at_which_the_interval_touches_zero() -> None:
    p = newcombe_p_value(PART, WHOLE)
    assert p[-1] == 1.0
    for k, level in enumerate(1 - p[:-1]):
        low, _ = newcombe_interval(PART[:, k], WHOLE[:, k], level=level)
        assert low == pytest.approx(0, abs=1e-7)
    assert newcombe_p_value(PART[::-1], WHOLE[::-1]) == pytest.approx(p)


def test_an_empty_group_has_neither() -> None:
    part, whole = np.array([[3.0], [0.0]]), np.array([[5.0], [0.0]])
    assert np.isnan([*newcombe_interval(part, whole), newcombe_p_value(part, whole)]).all()


def test_a_group_without_events_is_no_certainty() -> None:
    # Fisher's exact test says .61 of 20 of 200 against 0 of 12; a bootstrap, in which 0 of 12 never varies, said .001.
    assert 0.2 < newcombe_p_value(np.array([20.0, 0.0]), np.array([200.0, 12.0])) < 0.7
