"""Closed forms of AUC and average precision; agreement with scikit-learn is in test_oracles.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfair.metrics import auc, auprc

rows = st.lists(st.tuples(st.integers(0, 1), st.integers(-5, 5)), min_size=2, max_size=40)


def test_ties_count_one_half() -> None:
    assert auc([0, 1], [0.5, 0.5]) == 0.5
    assert auc([0, 1, 1], [0.5, 0.5, 0.7]) == 0.75


@given(rows)
def test_auc_is_the_share_of_ordered_pairs(pairs: list[tuple[int, int]]) -> None:
    y, s = (np.array(x) for x in zip(*pairs, strict=True))
    if y.min() == y.max():
        assert np.isnan(auc(y, s))
        return
    difference = s[y == 1][:, None] - s[y == 0][None, :]
    share = np.mean((difference > 0) + 0.5 * (difference == 0))
    assert auc(y, s) == pytest.approx(share, abs=1e-13)
    assert auc(1 - y, s) == pytest.approx(1 - share, abs=1e-13)


@given(rows)
def test_counting_and_weighing_give_the_same_bits(pairs: list[tuple[int, int]]) -> None:
    y, s = (np.array(x) for x in zip(*pairs, strict=True))
    np.testing.assert_array_equal(auc(y, s), auc(y, s, weights=np.ones(len(y))))


@given(rows)
def test_integer_weights_repeat_rows(pairs: list[tuple[int, int]]) -> None:
    y, s = (np.array(x) for x in zip(*pairs, strict=True))
    weights = np.arange(len(y)) % 3 + 1
    repeated = np.repeat(y, weights), np.repeat(s, weights)
    for metric in (auc, auprc):
        np.testing.assert_allclose(metric(y, s, weights=weights), metric(*repeated), atol=1e-13)


def test_average_precision_of_a_constant_score_is_the_prevalence() -> None:
    assert auprc([1, 0, 0, 0], [3, 3, 3, 3]) == 0.25
    assert np.isnan(auprc([0, 0], [1, 2]))


def test_labels_and_scores_are_checked() -> None:
    with pytest.raises(ValueError, match="0 and 1"):
        auc([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="finite"):
        auc([0, 1], [0.1, np.nan])
