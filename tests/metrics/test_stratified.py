import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from adfair.metrics.stratified import stratified_auc


def example(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random(n) < 0.4, np.round(rng.random(n), 1), rng.integers(0, 4, n)


def test_counts_pairs_within_strata_ties_half() -> None:
    y, s, strata = example(5)
    won = pairs = 0.0
    for i in np.flatnonzero(y):
        for j in np.flatnonzero(~y & (strata == strata[i])):
            won += float(s[i] > s[j]) + 0.5 * float(s[i] == s[j])
            pairs += 1
    assert stratified_auc(y, s, strata) == pytest.approx(won / pairs, abs=1e-12)


def test_one_stratum_is_the_auc() -> None:
    y, s, _ = example(6)
    assert stratified_auc(y, s, np.zeros(len(y))) == pytest.approx(roc_auc_score(y, s), abs=1e-12)


def test_a_score_that_is_the_stratum_is_worth_nothing() -> None:
    y, _, strata = example(7)
    assert stratified_auc(y, strata.astype(float), strata) == 0.5


def test_weights_repeat_rows_one_line_a_resample() -> None:
    y, s, strata = example(8)
    counts = np.random.default_rng(0).integers(0, 3, (4, len(y)))
    found = stratified_auc(y, s, strata, weights=counts)
    for line, value in zip(counts, found, strict=True):
        repeated = [np.repeat(x, line) for x in (y, s, strata)]
        assert value == pytest.approx(float(stratified_auc(*repeated)), abs=1e-12)


def test_no_pair_is_undefined() -> None:
    assert np.isnan(stratified_auc(np.array([True, False]), np.zeros(2), np.array(["a", "b"])))
