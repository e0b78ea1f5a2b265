import numpy as np
import pytest

from adfair.auditing.reporting_gaps import contrast, expected_rates, group_contrasts, reporting_columns

NAMES = ["A", "B", "C"]


def drawn(seed: int, n: int = 6000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three findings with a common cause, and a group that has nothing to do with them."""
    rng = np.random.default_rng(seed)
    ill = rng.random(n) < 0.4
    said = (rng.random((n, 3)) < np.where(ill, 0.6, 0.1)[:, None]).astype(float)
    return said, rng.integers(0, 3, n), rng.random((n, 3))


def table_of(said: np.ndarray, group: np.ndarray):  # type: ignore[no-untyped-def]
    patients = np.arange(len(said))
    columns = reporting_columns(said, ["some words"] * len(said), NAMES, patients=patients)
    return group_contrasts(columns, {"race": group}, {"race": ["x", "y", "z"]}, patients=patients)


def test_expected_rates_are_calibrated() -> None:
    said, _, _ = drawn(0)
    expected = expected_rates(said == 1, patients=np.arange(len(said)))
    assert expected.mean(0) == pytest.approx(said.mean(0), abs=0.005)
    high = expected[:, 0] > np.median(expected[:, 0])
    assert said[high, 0].mean() == pytest.approx(expected[high, 0].mean(), abs=0.02)


def test_under_reporting_of_one_finding_is_found_there_alone() -> None:
    said, group, coin = drawn(1)
    said[(group == 1) & (coin[:, 1] < 0.4), 1] = 0  # 40 % of B left out in y
    table = table_of(said, group)
    found = table[(table.figure == "B, given the others") & (table.group == "y")].iloc[0]
    assert found.p_adjusted < 1e-6
    assert found.difference < -0.05
    others = table[~table.figure.str.startswith(("B", "stated"))]
    assert (others.p_adjusted.dropna() > 0.01).all()


def test_few_false_alarms() -> None:
    alarms = sum(bool((table_of(*drawn(seed, 1500)[:2]).p_adjusted < 0.05).any()) for seed in range(20))
    assert alarms <= 3


def test_contrast_is_a_difference_of_means() -> None:
    values, inside = np.arange(80.0), np.arange(80) < 40
    difference, error = contrast(values, inside, np.arange(80))
    assert difference == pytest.approx(-40)
    assert error == pytest.approx(np.sqrt(2 * values[:40].var(ddof=1) / 40))


def test_few_patients_are_undefined() -> None:
    said, group, _ = drawn(2, 400)
    group[:] = 0
    group[:5] = 1
    table = table_of(said, group)
    assert table.p_value.isna().all()
    assert table.note.str.contains("fewer than").all()


def test_a_finding_that_never_varies_is_undefined() -> None:
    said, group, _ = drawn(3, 300)
    said[:, 2] = 0
    table = table_of(said, group)
    constant = table[table.figure == "C, given the others"]
    assert constant.p_value.isna().all()


def test_the_only_finding_is_compared_with_its_overall_rate() -> None:
    said, _, _ = drawn(3)
    one, patients = said[:, :1], np.arange(len(said))
    columns = reporting_columns(one, [""] * len(one), NAMES[:1], patients=patients)
    assert list(columns) == ["A", "stated findings", "denied"]
    assert columns["A"] == pytest.approx(one[:, 0] - one.mean(), abs=0.01)
