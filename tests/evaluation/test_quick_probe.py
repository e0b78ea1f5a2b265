import numpy as np
import pytest

from adfair.evaluation.quick_probe import quick_leakage

RNG = np.random.default_rng


def test_reads_a_line_a_curve_and_nothing_where_there_is_nothing() -> None:
    rng = RNG(0)
    x = rng.standard_normal((1200, 8))
    patients = np.arange(1200)
    line, xor = (x[:, 0] > 0).astype(int), ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(int)
    assert quick_leakage(x, line, patients) > 0.95
    assert quick_leakage(x, xor, patients) > 0.85
    assert abs(quick_leakage(x, rng.integers(0, 3, 1200), patients) - 0.5) < 0.05


def test_faint_directions_are_read_too() -> None:
    rng = RNG(1)
    x = rng.standard_normal((900, 6)) * np.array([1, 1, 1, 1, 1, 1e-3])
    assert quick_leakage(x, (x[:, 5] > 0).astype(int), np.arange(900)) > 0.95


def test_patients_stay_in_one_fold() -> None:
    rng = RNG(2)
    person = rng.standard_normal((60, 10))
    patients = np.repeat(np.arange(60), 20)
    codes = rng.integers(0, 2, 60)[patients]
    x = person[patients] + 0.01 * rng.standard_normal((1200, 10))
    assert quick_leakage(x, codes, patients) < 0.75, "an image-wise split would read 1.0 from the patient"
    assert quick_leakage(x, codes, np.arange(1200)) > 0.95


def test_within_strata_a_finding_that_goes_with_the_group_counts_for_nothing() -> None:
    rng = RNG(3)
    finding = rng.integers(0, 2, 3000)
    group = np.where(rng.random(3000) < 0.85, finding, 1 - finding)
    x = rng.standard_normal((3000, 5))
    x[:, 0] += 3 * finding
    assert quick_leakage(x, group, np.arange(3000)) > 0.75
    assert abs(quick_leakage(x, group, np.arange(3000), strata=finding) - 0.5) < 0.06


def test_unknown_rows_are_left_out_and_too_few_is_undefined() -> None:
    x, codes = RNG(4).standard_normal((300, 4)), np.repeat([0, 1, -1], 100)
    changed = x.copy()
    changed[200:] = 1e6
    assert quick_leakage(x, codes, np.arange(300)) == quick_leakage(changed, codes, np.arange(300))
    assert np.isnan(quick_leakage(x, np.zeros(300, int), np.arange(300)))
    assert np.isnan(quick_leakage(x[:5], np.array([0, 0, 0, 1, 1]), np.arange(5)))


def test_a_rare_group_does_not_hide_what_is_read_of_the_others() -> None:
    x = RNG(5).standard_normal((600, 4))
    codes, patients = (x[:, 0] > 0).astype(int), np.arange(600)
    whole = quick_leakage(x, codes, patients)
    for few in (1, 2, 5, 9):
        some = codes.copy()
        some[:few] = 2
        assert quick_leakage(x, some, patients) == pytest.approx(whole, abs=0.02)
    # Ten patients, of whom no stratum of some fold holds another group's: the other folds count.
    some = codes.copy()
    some[:10] = 2
    assert 0.5 < quick_leakage(x, some, patients, strata=np.arange(600) // 60) <= 1
