"""Strata of exchange: exact where many share a pattern, by the odds of the groups where few do."""

import numpy as np

from adfair.auditing.exchange import exchange_strata, exchangeable


def test_common_patterns_stay_whole_and_rare_ones_are_pooled() -> None:
    traits = np.array([[1, 1]] * 12 + [[2, 1]] * 3 + [[1, 2]] * 2 + [[2, 2]])
    strata = exchange_strata(np.zeros(18, dtype=int), traits, np.arange(18) % 2)
    assert len(set(strata)) == 2
    assert len(set(strata[:12])) == len(set(strata[12:])) == 1


def test_what_must_stay_apart_is_never_pooled() -> None:
    within = np.repeat([0, 1], 6)
    strata = exchange_strata(within, np.arange(12)[:, None], np.arange(12) % 2)
    assert len(set(strata)) == 2
    assert not set(strata[:6]) & set(strata[6:])


def _findings(seed: int, units: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Twelve findings, the first half frequent in group 0 and the others in group 1: nearly every pattern is rare."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, units)
    frequent = (np.arange(12) < 6) == (codes[:, None] == 0)
    return (rng.random((units, 12)) < np.where(frequent, 0.4, 0.1)).astype(int), codes


def test_within_strata_the_groups_have_the_same_findings() -> None:
    traits, codes = _findings(0)
    strata = exchange_strata(np.zeros(len(codes), dtype=int), traits, codes)
    share = np.array([codes[strata == s].mean() for s in strata])
    expected = (share[:, None] * traits).sum(axis=0)  # positives of group 1 after a shuffle within strata
    observed = traits[codes == 1].sum(axis=0)
    # Pooled by the number of findings, a shuffle would leave about half of each finding's positives in either group.
    np.testing.assert_allclose(expected / observed, 1.0, atol=0.1)
    assert (
        exchangeable(strata, codes) > 0.4
    )  # where the odds are far from even, all of a cell are of one group


def test_cells_of_pooled_units_have_twenty_or_more() -> None:
    traits, codes = _findings(1)
    strata = exchange_strata(np.zeros(len(codes), dtype=int), traits, codes)
    sizes = np.unique(strata, return_counts=True)[1]
    assert sizes.min() >= 10
    assert np.sort(sizes)[-1] < 200
    np.testing.assert_array_equal(
        strata, exchange_strata(np.zeros(len(codes), dtype=int), traits, codes), "same input, same strata"
    )


def test_units_without_a_like_in_another_group_are_counted() -> None:
    assert exchangeable(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])) == 0.5
    assert exchangeable(np.array([0, 1]), np.array([0, 1])) == 0.0
    assert exchangeable(np.array([], dtype=int), np.array([], dtype=int)) == 0.0
