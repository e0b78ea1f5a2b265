"""The 64-lane kernels against the scalar metrics under the same weights."""

import numpy as np
import pytest

from adfair.auditing.cells import sort_rows
from adfair.auditing.statistics import INDEX, evaluate
from adfair.metrics import apply_threshold, auc, auprc, brier, ece, rates
from adfair.metrics.lanes import LANES


@pytest.mark.parametrize("decimals", [1, 2, 15])
@pytest.mark.parametrize("size", [1, 7, 300])
def test_every_lane_equals_the_scalar_metric_on_repeated_rows(decimals: int, size: int) -> None:
    rng = np.random.default_rng(size * 100 + decimals)
    unit = rng.integers(0, max(size // 2, 1), size)
    y = rng.integers(0, 2, size)
    s = np.round(np.clip(rng.normal(0.3 + 0.4 * y, 0.3), 0, 1), decimals)
    weights = rng.integers(0, 4, (unit.max() + 1, LANES)).astype(np.uint8)
    got = evaluate(sort_rows(y, s, unit, threshold=0.5), weights)
    for lane in range(LANES):
        counts = weights[unit, lane]
        yy, ss = np.repeat(y, counts), np.repeat(s, counts)
        expected = {"auc": auc(yy, ss), "auprc": auprc(yy, ss), "brier": brier(yy, ss), "ece": ece(yy, ss)}
        expected |= rates(yy, apply_threshold(ss, 0.5))
        for name, value in expected.items():
            np.testing.assert_allclose(got[INDEX[name], lane], value, atol=1e-12, err_msg=name)


def test_no_rows_and_no_threshold_are_nan() -> None:
    weights = np.ones((3, LANES), np.uint8)
    empty = sort_rows(np.array([]), np.array([]), np.array([], dtype=int))
    assert np.isnan(evaluate(empty, weights)).all()
    rows = sort_rows(np.array([0, 1, 1]), np.array([3.0, 4.0, 2.0]), np.arange(3))
    got = evaluate(rows, weights)
    assert got[INDEX["auc"], 0] == 0.5
    assert np.isnan(got[[INDEX[n] for n in ("brier", "ece", "tpr", "accuracy")]]).all()
