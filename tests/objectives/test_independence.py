import numpy as np
import pytest

from adfair.objectives.independence import independence_weights


def made(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """One finding three times as frequent in group 1, one unrelated."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, n)
    tied = rng.random(n) < np.where(codes == 1, 0.6, 0.2)
    return codes, np.column_stack([tied, rng.random(n) < 0.3]).astype(float)


def test_with_one_finding_it_is_the_ratio_of_counted_shares() -> None:
    codes, labels = made()
    found = independence_weights(codes, labels[:, :1])
    for group in (0, 1):
        for value in (0, 1):
            rows = (codes == group) & (labels[:, 0] == value)
            by_hand = (codes == group).mean() / (codes[labels[:, 0] == value] == group).mean()
            # The regression is saturated here; its penalty, of one in 4,000 rows, is what differs.
            assert found[rows] == pytest.approx(by_hand, rel=5e-3)


def test_weighted_findings_do_not_tell_the_group() -> None:
    codes, labels = made()
    weights = independence_weights(codes, labels)
    before = labels[codes == 1].mean(0) - labels[codes == 0].mean(0)
    after = [np.average(labels[codes == g], axis=0, weights=weights[codes == g]) for g in (0, 1)]
    assert before[0] > 0.3
    assert after[1] - after[0] == pytest.approx(np.zeros(2), abs=5e-3)


def test_uncertain_and_not_mentioned_are_findings_of_their_own() -> None:
    codes = np.repeat([0, 1], 500)
    labels = np.where(
        np.random.default_rng(0).random((1000, 1)) < np.where(codes, 0.8, 0.2)[:, None], np.nan, -1.0
    )
    weights = independence_weights(codes, labels)
    shares = [np.average(np.isnan(labels[codes == g, 0]), weights=weights[codes == g]) for g in (0, 1)]
    assert shares[0] == pytest.approx(shares[1], abs=1e-2)


def test_limit_unknown_rows_and_nothing_to_weigh_by() -> None:
    codes, labels = made()
    codes[::4] = -1
    weights = independence_weights(codes, labels, largest=1.2)
    assert weights.max() == 1.2
    assert (weights[::4] == 1).all()
    assert (independence_weights(codes, np.zeros_like(labels)) == 1).all()
