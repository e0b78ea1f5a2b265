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
    values, inside = np.random.default_rng(0).normal(size=400), np.arange(400) < 200
    values[:200] *= 3
    difference, error = contrast(values, inside, np.arange(400))
    assert difference == pytest.approx(values[:200].mean() - values[200:].mean())
    own = values[:200].var(ddof=1) / 200 + values[200:].var(ddof=1) / 200
    alike = values.var() * (1 / 200 + 1 / 200)
    assert error == pytest.approx(np.sqrt(max(own, alike)))


def test_the_error_of_equal_patients_is_that_of_their_sums() -> None:
    """Patients of one to five images whose values are one draw each: the error against many draws."""
    rng = np.random.default_rng(3)
    images = rng.integers(1, 6, 300)
    patients, inside = np.repeat(np.arange(300), images), np.repeat(np.arange(300) < 60, images)
    drawn = [contrast(rng.normal(size=300)[patients], inside, patients) for _ in range(2000)]
    assert np.std([d for d, _ in drawn]) == pytest.approx(np.mean([e for _, e in drawn]), rel=0.08)


def test_a_group_in_which_nobody_has_a_rare_finding_is_no_sign() -> None:
    rare = (np.arange(3000) < 30).astype(float)
    inside = np.arange(3000) >= 2940
    difference, error = contrast(rare, inside, np.arange(3000))
    assert difference == pytest.approx(-30 / 2940)
    assert error > -difference / 2


def test_few_false_alarms_of_a_rare_group() -> None:
    alarms = 0
    for seed in range(20):
        said, _, coin = drawn(seed, 3000)
        said[:, 1:] *= coin[:, 1:] < 0.1
        alarms += bool((table_of(said, np.digitize(coin[:, 0], [0.02, 0.05])).p_adjusted < 0.05).any())
    assert alarms <= 3


def test_the_same_value_everywhere_is_no_difference() -> None:
    _, error = contrast(np.full(300, 1 / 3), np.arange(300) < 100, np.arange(300))
    assert error < 1e-9
    third = np.where(np.arange(600)[:, None] % 3 == np.arange(3), 1.0, 0.0)
    third[third == 0] = np.nan
    third[np.arange(600), (np.arange(600) + 1) % 3] = 0
    table = table_of(third, np.arange(600) % 4 % 3)
    assert table[table.figure == "denied"].p_value.isna().all()


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
