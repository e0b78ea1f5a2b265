import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from adfair.auditing.sizes import auc_standard_error, patients_needed, size_table


def test_standard_error_of_hanley_and_mcneil() -> None:
    # Their figure for exponential scores: A = 0.893, 51 abnormal and 58 normal images, error 0.032.
    assert auc_standard_error(0.893, positives=51, negatives=58) == pytest.approx(0.032, abs=0.0006)


def test_the_needed_number_finds_the_gap_four_times_in_five() -> None:
    n, rng, found = patients_needed(0.3, gap=0.1), np.random.default_rng(0), 0
    assert n is not None
    positives = round(0.3 * n)
    error = 2**0.5 * auc_standard_error(0.85, positives=positives, negatives=n - positives)
    truth = np.repeat([1, 0], [positives, n - positives])
    for _ in range(300):
        # Normal scores whose AUC is .80 and .90: a shift of z(AUC) x sqrt 2.
        pair = [roc_auc_score(truth, rng.normal(size=n) + shift * truth) for shift in (1.190, 1.812)]
        found += abs(pair[1] - pair[0]) > 1.96 * error
    assert 0.7 < found / 300 < 0.92


def test_a_smaller_gap_or_a_rarer_finding_needs_more() -> None:
    common, rare = patients_needed(0.3), patients_needed(0.03)
    assert common is not None
    assert rare is not None
    assert rare > 4 * common
    assert patients_needed(0.3, gap=0.1) < common / 3  # type: ignore[operator]
    assert patients_needed(0.0) is None


def test_sizes_count_patients_not_images() -> None:
    table = pd.DataFrame({"patient_id": list("aab"), "race": ["Black", "Black", ""], "sex": ["F", "F", "M"]})
    found = size_table(table, {"race": ["Black", "White"], "sex": ["F", "M"]}, 0.3).set_index("group")
    assert found.loc["Black", ["images", "patients"]].tolist() == [2, 1]
    assert found.loc["Black*F", "patients"] == 1
    assert found.loc["White", "patients"] == 0
    assert not found["enough"].any()
