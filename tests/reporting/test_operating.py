"""Rates at every threshold: against counting by hand, and against the audit's own rates."""

import numpy as np
import pandas as pd
import pytest

from adfair.auditing.formats import load_predictions
from adfair.metrics.ranking import auc
from adfair.metrics.rates import apply_threshold, rates
from adfair.reporting.operating import POINTS, cutoffs, operating, rates_at
from adfair.reporting.packing import pack, unpack


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 900)
    score = np.clip(0.3 * label + rng.uniform(0, 0.7, 900), 0, 1)
    sex = rng.choice(["F", "M", ""], 900)
    return pd.DataFrame(
        {"image_id": range(900), "finding": "Edema", "label": label, "score": score, "sex": sex}
    )


def test_rates_are_those_of_counting_at_each_cutoff(table: pd.DataFrame) -> None:
    found = operating(load_predictions(table, attributes=["sex"]), "Edema", "sex")
    assert found.groups == ("F", "M", "Unknown")
    assert len(found.cutoffs) <= POINTS
    for g, group in enumerate(("F", "M", "")):
        own = table[table["sex"] == group]
        for t in (0, 17, len(found.cutoffs) - 1):
            want = rates(own["label"], apply_threshold(own["score"], found.cutoffs[t]))
            assert found.tpr[g, t] == pytest.approx(want["tpr"])
            assert found.fpr[g, t] == pytest.approx(want["fpr"])


def test_a_thinned_curve_keeps_the_area(table: pd.DataFrame) -> None:
    found = operating(load_predictions(table, attributes=["sex"]), "Edema", "sex")
    own = table[table["sex"] == "F"]
    x, y = np.concatenate([[0], found.fpr[0]]), np.concatenate([[0], found.tpr[0]])
    assert np.trapezoid(y, x) == pytest.approx(auc(own["label"], own["score"]), abs=0.005)
    assert (x[-1], y[-1]) == (1, 1)


def test_cutoffs_of_few_scores_are_the_scores_and_of_none_nothing() -> None:
    assert cutoffs(np.array([0, 1, 1]), np.array([0.1, 0.5, 0.9])).tolist() == [0.9, 0.5, 0.1]
    assert cutoffs(np.array([], dtype=int), np.array([])).size == 0


def test_a_kept_cutoff_is_there_exactly_and_among_as_many(table: pd.DataFrame) -> None:
    label, score = table["label"].to_numpy(), table["score"].to_numpy()
    for keep in (0.123456789, 0.5, float(score[17]), -1.0, 2.0):
        found = cutoffs(label, score, points=11, keep=keep)
        assert keep in found
        assert len(found) <= 11
        assert (np.diff(found) < 0).all()


def test_a_group_without_a_class_is_undefined_there() -> None:
    assert np.isnan(rates_at(np.array([]), np.array([0.5]))).all()


def test_packed_shares_come_back_to_a_step_and_undefined_stays_so() -> None:
    shares = np.array([0, 1, 0.12345, np.nan, 0.999])
    text = pack(shares)
    assert len(text) == 10
    np.testing.assert_allclose(unpack(text), shares, atol=1 / 8188)
