import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import PredefinedSplit

from adfair.metrics.dependence import dependence, group_log_ratios


def drawn(seed: int, n: int, tied: float) -> tuple[np.ndarray, np.ndarray]:
    """A balanced group, and three findings of which the first is the group with probability (1 + tied) / 2."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    first = np.where(rng.random(n) < (1 + tied) / 2, group, 1 - group)
    return group, np.column_stack([first, rng.integers(0, 2, (n, 2))])


def test_gain_is_the_mutual_information() -> None:
    group, y = drawn(0, 40_000, 0.6)
    found = dependence(group, y, patients=np.arange(40_000))
    q = 0.8
    expected = np.log(2) + q * np.log(q) + (1 - q) * np.log(1 - q)
    assert found.gain == pytest.approx(expected, abs=4 * found.standard_error)
    assert 0.001 < found.standard_error < 0.005
    assert found.share == pytest.approx(expected / np.log(2), rel=0.03)


def test_agrees_with_scikit_learn_row_by_row() -> None:
    group, y = drawn(1, 600, 0.4)
    found = dependence(group, y, patients=np.arange(600), folds=3)
    fold = np.random.default_rng(0).permutation(600) % 3
    gains = np.empty(600)
    for train, test in PredefinedSplit(fold).split():
        model = LogisticRegression(max_iter=500).fit(y[train], group[train])
        marginal = np.log(np.bincount(group[train]) / len(train))
        log_p = model.predict_log_proba(y[test])[np.arange(len(test)), group[test]]
        gains[test] = log_p - marginal[group[test]]
    assert found.gain == pytest.approx(gains.mean(), abs=1e-4)
    assert found.standard_error == pytest.approx(gains.std(ddof=1) / np.sqrt(600), rel=1e-3)


def test_few_false_alarms() -> None:
    alarms = 0
    for seed in range(60):
        group, y = drawn(seed, 400, 0.0)
        found = dependence(group, y, patients=np.arange(400), seed=seed)
        alarms += found.gain > 2 * found.standard_error
    assert alarms <= 4


def test_images_of_one_patient_are_no_new_patients() -> None:
    group, y = drawn(3, 500, 0.5)
    once = dependence(group, y, patients=np.arange(500))
    again = dependence(np.repeat(group, 4), np.repeat(y, 4, axis=0), patients=np.repeat(np.arange(500), 4))
    assert again.patients == 500
    assert again.standard_error == pytest.approx(once.standard_error, rel=0.05)


def test_unknown_rows_and_tiny_groups_are_left_out() -> None:
    group, y = drawn(4, 500, 0.5)
    codes = np.concatenate([group, np.full(50, -1), np.full(5, 2)])
    more = np.concatenate([y, np.ones((55, 3), dtype=int)])
    assert dependence(codes, more, patients=np.arange(555)).patients == 500


@pytest.mark.parametrize(
    ("codes", "findings", "reason"),
    [
        (np.zeros(100, dtype=int), np.eye(100, 3), "fewer than two groups"),
        (np.arange(100) % 2, np.zeros((100, 3)), "no finding varies"),
        (np.full(100, -1), np.eye(100, 3), "fewer than two groups"),
    ],
)
def test_undefined_with_a_reason(codes: np.ndarray, findings: np.ndarray, reason: str) -> None:
    found = dependence(codes, findings, patients=np.arange(100))
    assert np.isnan(found.gain)
    assert reason in found.reason


def test_log_ratios_are_those_of_the_population() -> None:
    group, y = drawn(5, 40_000, 0.6)
    codes = np.where(np.arange(40_000) < 50, -1, 2 * group)  # codes 0 and 2; nobody has 1
    ratios = group_log_ratios(codes, y, patients=np.arange(40_000))
    assert ratios.shape == (40_000, 3)
    agrees, differs = np.log(0.8 / 0.5), np.log(0.2 / 0.5)
    expected = np.where(y[:, [0]] == 1, [differs, 0, agrees], [agrees, 0, differs])
    assert np.abs(ratios - expected).max() < 0.05


def test_log_ratios_are_held_out() -> None:
    # One finding a patient: in sample it would name the group.
    n = 200
    group, y = np.arange(n) % 2, np.zeros((n, 1))
    y[7] = 1
    ratios = group_log_ratios(group, y, patients=np.arange(n))
    assert abs(ratios[7]).max() < 0.1
    # Nor does another image of the same patient give it away.
    four = group_log_ratios(np.repeat(group, 4), np.repeat(y, 4, axis=0), patients=np.repeat(np.arange(n), 4))
    assert abs(four[28:32]).max() < 0.1


def test_nothing_to_say_is_zero() -> None:
    y = np.ones((100, 2))
    y[::3] = 0
    few = np.where(np.arange(100) < 5, 1, 0)
    assert not group_log_ratios(few, y, patients=np.arange(100)).any()
    assert group_log_ratios(np.full(100, -1), y, patients=np.arange(100)).tolist() == [[0.0]] * 100
    assert not group_log_ratios(np.arange(100) % 2, np.ones((100, 2)), patients=np.arange(100)).any()
