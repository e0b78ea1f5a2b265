"""Gap functions on arrays of base metrics."""

import numpy as np

from adfair.auditing.gaps import GAPS, gap_values, signed_pairs, usable_groups
from adfair.auditing.statistics import INDEX, METRICS

BY_NAME = {gap.name: gap for gap in GAPS}


def test_groups_without_a_needed_metric_are_left_out() -> None:
    observed = np.full((3, len(METRICS)), 0.5)
    observed[1, INDEX["fpr"]] = np.nan
    assert usable_groups(BY_NAME["equalized_odds_difference"], observed).tolist() == [True, False, True]
    assert usable_groups(BY_NAME["auc_gap"], observed).all()


def test_values_for_all_replicates_at_once() -> None:
    rng = np.random.default_rng(0)
    overall, groups = rng.random((7, len(METRICS))), rng.random((7, 4, len(METRICS)))
    keep = np.array([True, True, False, True])
    tpr, fpr = (np.ptp(groups[:, keep][:, :, INDEX[name]], axis=1) for name in ("tpr", "fpr"))
    got = gap_values(BY_NAME["equalized_odds_difference"], overall, groups, keep)
    np.testing.assert_array_equal(got, np.maximum(tpr, fpr))
    auc, by_group = overall[:, 0], groups[:, keep][:, :, 0]
    expected = auc / (1 + np.abs(by_group - auc[:, None]).sum(axis=1))
    np.testing.assert_allclose(gap_values(BY_NAME["es_auc"], overall, groups, keep), expected)


def test_one_group_has_no_gap() -> None:
    got = gap_values(
        BY_NAME["auc_gap"], np.ones((2, len(METRICS))), np.ones((2, 1, len(METRICS))), np.array([True])
    )
    assert np.isnan(got).all()


def test_many_groups_are_paired_with_the_largest() -> None:
    assert signed_pairs([5, 6, 7]) == [(0, 1), (0, 2), (1, 2)]
    assert signed_pairs([1, 2, 9, 3, 4, 5, 6]) == [(0, 2), (1, 2), (3, 2), (4, 2), (5, 2), (6, 2)]
