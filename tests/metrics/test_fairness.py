"""Fairness metrics: identities and hand-worked cases; agreement with other tools is in test_oracles.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfair import metrics as m
from adfair.metrics.fairness import max_min_gap, min_max_ratio


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_gap_and_ratio_do_not_depend_on_order(values: list[float]) -> None:
    assert max_min_gap(values) == max_min_gap(values[::-1]) == max(values) - min(values)
    if max(values) > 0:
        assert min_max_ratio(values) == min(values) / max(values)


@given(st.floats(0, 1), st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_equity_scaling_never_raises_and_keeps_equal_groups(x: float, groups: list[float]) -> None:
    assert m.equity_scaled(x, groups) <= x
    assert m.equity_scaled(x, [x] * len(groups)) == x


def test_es_auc_by_hand() -> None:
    y, a = [0, 1, 0, 1], ["x", "x", "y", "y"]
    s = [0.1, 0.4, 0.3, 0.2]
    overall = m.auc(y, s)
    assert m.group_auc(y, s, sensitive_features=a) == {"x": 1.0, "y": 0.0}
    expected = overall / (1 + (1 - overall) + overall)
    assert m.es_auc(y, s, sensitive_features=a) == pytest.approx(expected)
    assert m.worst_group_auc(y, s, sensitive_features=a) == 0
    assert m.auc_gap(y, s, sensitive_features=a) == 1


def test_gaps_are_nan_when_a_group_lacks_a_class() -> None:
    y, s, a = [0, 1, 1, 1], [0.1, 0.4, 0.3, 0.2], ["x", "x", "y", "y"]
    by = {"sensitive_features": a}
    assert np.isnan([m.auc_gap(y, s, **by), m.es_auc(y, s, **by), m.worst_group_auc(y, s, **by)]).all()
    assert np.isnan(m.equalized_odds_difference(y, [1, 1, 1, 0], **by))
    assert np.isnan(m.demographic_parity_ratio(y, [0, 0, 0, 0], **by))


def test_permuting_rows_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    y, p, a = rng.integers(0, 2, 90), rng.integers(0, 2, 90), rng.integers(0, 3, 90)
    order = rng.permutation(90)
    for metric in (m.equalized_odds_difference, m.equalized_odds_ratio, m.demographic_parity_difference):
        first = metric(y, p, sensitive_features=a)
        assert metric(y[order], p[order], sensitive_features=a[order]) == pytest.approx(first, abs=1e-15)


def test_attribute_must_have_one_value_a_row() -> None:
    with pytest.raises(ValueError, match="one value a row"):
        m.auc_gap([0, 1], [0.1, 0.2], sensitive_features=["x"])
