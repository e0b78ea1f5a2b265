"""Base metrics of many replicates: which weights each replicate has, and which metrics are computed."""

import numpy as np
import pytest

from adfair import metrics
from adfair.auditing.cells import SortedRows, sort_rows
from adfair.auditing.statistics import (
    INDEX,
    METRICS,
    bootstrap_fill,
    evaluate,
    jackknife_fill,
    mark_underdiagnosis,
    replicate,
    run_blocks,
)
from adfair.metrics.lanes import LANES

UNITS = 70  # more than one block of 64 replicates when each is left out in turn
RNG = np.random.default_rng(0)
LABEL, SCORE = RNG.integers(0, 2, 140), RNG.random(140)
UNIT = np.arange(140) // 2


def rows_of(keep: np.ndarray) -> SortedRows:
    return sort_rows(LABEL[keep], SCORE[keep], UNIT[keep], threshold=0.5)


def everyone() -> SortedRows:
    return rows_of(np.ones(140, dtype=bool))


@pytest.mark.parametrize(
    ("kind", "names"),
    [("auc", {"auc"}), ("calibration", {"brier", "ece"}), ("rates", set(METRICS[4:]))],
)
def test_only_the_metrics_asked_for_are_computed(kind: str, names: set[str]) -> None:
    got = evaluate(everyone(), np.ones((UNITS, LANES), np.uint8), frozenset({kind}))
    assert {name for name in METRICS if np.isfinite(got[INDEX[name]]).all()} == names


def test_replicate_zero_is_the_observed_table() -> None:
    some = UNIT % 3 == 0
    fill = bootstrap_fill(np.array([0, UNITS]), 5)
    got = replicate([[everyone(), rows_of(some)]], fill, units=UNITS, total=3)
    assert got.shape == (3, 1, 2, len(METRICS))
    expected = [metrics.auc(LABEL, SCORE), metrics.auc(LABEL[some], SCORE[some])]
    np.testing.assert_allclose(got[0, 0, :, INDEX["auc"]], expected, atol=1e-12)
    assert len(set(got[:, 0, 0, INDEX["auc"]])) == 3


def test_more_replicates_and_more_threads_leave_the_first_ones_as_they_were() -> None:
    table, fill = [[everyone()]], bootstrap_fill(np.array([0, 30, UNITS]), 1)
    few = replicate(table, fill, units=UNITS, total=70)
    many = replicate(table, fill, units=UNITS, total=200, threads=3)
    np.testing.assert_array_equal(few, many[:70])


def test_the_jackknife_leaves_out_the_chosen_units_in_order_across_blocks() -> None:
    chosen = np.arange(UNITS)[::-1]
    got = replicate([[everyone()]], jackknife_fill(chosen), units=UNITS, total=UNITS)
    expected = [metrics.auc(LABEL[unit != UNIT], SCORE[unit != UNIT]) for unit in chosen]
    np.testing.assert_allclose(got[:, 0, 0, INDEX["auc"]], expected, atol=1e-12)


def test_no_finding_is_recognised_in_any_spelling_and_nothing_else_is() -> None:
    findings = ["no_finding", "NO FINDING", "No Finding of Edema", "Edema"]
    values = np.zeros((2, len(findings), 3, len(METRICS)))
    values[..., INDEX["fpr"]], values[..., -1] = 0.25, 0.75
    got = mark_underdiagnosis(values, findings)[..., INDEX["underdiagnosis_rate"]]
    assert (got == np.array([0.25, 0.25, 0.75, 0.75])[:, None]).all()


def test_an_error_in_a_block_is_not_lost_in_its_thread() -> None:
    def block(first: int) -> None:
        if first == LANES:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_blocks(block, range(0, 4 * LANES, LANES), threads=2)
