"""Random weights: what they must sum to, that they are fair, and that they repeat."""

import numpy as np

from adfair.metrics.lanes import LANES
from adfair.metrics.resampling import bootstrap_counts, left_out, permuted_codes


def counts(offsets: list[int], seed: int = 0, first: int = 1) -> np.ndarray:
    out = np.empty((offsets[-1], LANES), np.uint8)
    bootstrap_counts(out, np.array(offsets), seed, first)
    return out


def test_replicate_zero_is_the_observed_table() -> None:
    assert (counts([0, 9], first=0)[:, 0] == 1).all()


def test_every_stratum_keeps_its_size() -> None:
    got = counts([0, 30, 100, 101])
    for low, high in ((0, 30), (30, 100), (100, 101)):
        assert (got[low:high].sum(axis=0) == high - low).all()


def test_draws_are_uniform_and_have_bootstrap_variance() -> None:
    draws = np.concatenate([counts([0, 50], first=1 + 64 * k) for k in range(200)], axis=1).astype(float)
    np.testing.assert_allclose(draws.mean(axis=1), 1, atol=5 * np.sqrt(0.98 / draws.shape[1]))
    np.testing.assert_allclose(draws.var(), 1 - 1 / 50, rtol=0.02)
    off = np.corrcoef(draws)[~np.eye(50, dtype=bool)]
    np.testing.assert_allclose(off.mean(), -1 / 49, atol=0.002)


def test_replicates_depend_on_seed_and_number_only() -> None:
    whole = counts([0, 40], first=0)
    shifted = counts([0, 40], first=10)
    np.testing.assert_array_equal(whole[:, 10:], shifted[:, :-10])
    assert (counts([0, 40], seed=1) != counts([0, 40], seed=2)).any()


def shuffled(codes: np.ndarray, strata: np.ndarray, first: int) -> np.ndarray:
    order = np.argsort(strata, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.unique(strata, return_counts=True)[1])])
    out = np.empty((codes.size, LANES), np.uint8)
    permuted_codes(codes, offsets, order, 0, first, out)
    return out


def test_shuffles_keep_the_groups_of_every_stratum() -> None:
    rng = np.random.default_rng(0)
    codes, strata = rng.integers(0, 3, 60).astype(np.uint8), rng.integers(0, 4, 60)
    got = shuffled(codes, strata, 1)
    for s in range(4):
        expected = np.bincount(codes[strata == s], minlength=3)
        for lane in range(LANES):
            np.testing.assert_array_equal(np.bincount(got[strata == s, lane], minlength=3), expected)
    np.testing.assert_array_equal(shuffled(codes, strata, 0)[:, 0], codes)


def test_shuffles_are_uniform() -> None:
    codes, strata = np.array([0, 1, 2], dtype=np.uint8), np.zeros(3, dtype=int)
    seen = np.concatenate([shuffled(codes, strata, 1 + 64 * k) for k in range(100)], axis=1)
    _, times = np.unique(seen, axis=1, return_counts=True)
    assert times.size == 6
    np.testing.assert_allclose(times / seen.shape[1], 1 / 6, atol=0.02)


def test_jackknife_leaves_out_one_unit_a_lane() -> None:
    got = left_out(70, np.arange(64, 70))
    assert (got.sum(axis=0) == [*[69] * 6, *[70] * 58]).all()
    assert (got[np.arange(64, 70), np.arange(6)] == 0).all()
