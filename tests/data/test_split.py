"""Patients, not images, are assigned."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfair.data.split import split_patients, stratum_columns
from adfair.errors import ConfigError


@given(patients=st.lists(st.integers(0, 30), min_size=1, max_size=80), seed=st.integers(0, 100))
def test_a_patient_is_in_one_split_and_row_order_does_not_matter(patients: list[int], seed: int) -> None:
    ids = pd.Series([f"p{p}" for p in patients])
    split = split_patients(ids, seed=seed)
    assert split.groupby(ids).nunique().eq(1).all()
    order = np.random.default_rng(seed).permutation(len(ids))
    pd.testing.assert_series_equal(split_patients(ids.iloc[order], seed=seed), split.iloc[order])


def test_shares_are_of_patients() -> None:
    ids = pd.Series([f"p{i}" for i in range(1000) for _ in range(1 + i % 3)])
    split = split_patients(ids, fractions={"train": 0.5, "val": 0.2, "test": 0.3}, seed=1)
    patients = split.groupby(split).apply(lambda s: ids[s.index].nunique())
    assert patients.to_dict() == {"train": 500, "val": 200, "test": 300}


def test_another_seed_is_another_split() -> None:
    ids = pd.Series([f"p{i}" for i in range(100)])
    assert (split_patients(ids, seed=0) != split_patients(ids, seed=1)).any()
    assert (split_patients(ids, seed=0) == split_patients(ids, seed=0)).all()


@pytest.mark.parametrize(
    "fractions", [{}, {"train": 0.5}, {"train": 1.2, "test": -0.2}, {"train": 1.0, "test": 0.0}]
)
def test_wrong_fractions_are_refused(fractions: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="positive numbers that sum to 1"):
        split_patients(pd.Series(["a", "b"]), fractions=fractions)


def biased(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    race = rng.choice(["Asian", "Black", "White", ""], p=[0.05, 0.15, 0.7, 0.1], size=n)
    table = pd.DataFrame({"patient": [f"p{i}" for i in range(n)], "race": race})
    table["Edema"] = np.where(rng.random(n) < 0.04, 1.0, np.nan)
    table["Effusion"] = (rng.random(n) < 0.3).astype(float)
    return table.loc[np.repeat(np.arange(n), rng.integers(1, 4, n))].reset_index(drop=True)


def test_groups_and_findings_are_shared_out_too() -> None:
    table = biased()
    strata = stratum_columns(table, attributes=["race"], findings=["Edema", "Effusion"])
    split = split_patients(table["patient"], strata=strata, seed=2)
    assert split.groupby(table["patient"]).nunique().eq(1).all()
    people = table.assign(split=split).drop_duplicates("patient")
    assert people["split"].value_counts(normalize=True).round(2).to_dict() == {
        "train": 0.7,
        "test": 0.2,
        "val": 0.1,
    }
    for rows in (
        people["race"].eq("Asian"),
        people["Edema"].eq(1),
        people["race"].eq("Black") & people["Effusion"].eq(1),
    ):
        counts, n = people[rows]["split"].value_counts(), int(rows.sum())
        assert abs(counts["train"] - 0.7 * n) <= 2.5
        assert abs(counts["val"] - 0.1 * n) <= 2.5


def test_strata_do_not_make_the_order_of_rows_matter() -> None:
    table = biased(80)
    strata = stratum_columns(table, attributes=["race"], findings=["Edema"])
    split = split_patients(table["patient"], strata=strata)
    order = np.random.default_rng(0).permutation(len(table))
    mixed = split_patients(table["patient"].iloc[order], strata=strata.iloc[order])
    pd.testing.assert_series_equal(mixed, split.iloc[order])
    assert (split_patients(table["patient"], strata=strata, seed=1) != split).any()


@pytest.mark.parametrize("fractions", [{"train": float("nan"), "test": 0.5}, {"": 0.5, "test": 0.5}])
def test_fractions_that_are_no_number_or_have_no_name(fractions: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="positive numbers that sum to 1 under names"):
        split_patients(pd.Series(["a", "b"]), fractions=fractions)
