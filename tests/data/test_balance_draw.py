"""Cells are filled as far as any assignment of patients could fill them, whatever the order of rows."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow

from adfair.data.balance_draw import draw_cells, matched_quotas


def candidates(pairs: list[tuple[int, int]]) -> pd.DataFrame:
    """(patient, cell) pairs as rows."""
    return pd.DataFrame(
        {
            "image_id": [f"i{i:03d}" for i in range(len(pairs))],
            "patient_id": [f"p{p:02d}" for p, _ in pairs],
            "cell": [f"c{c}" for _, c in pairs],
        }
    )


def most(pairs: list[tuple[int, int]], quota: int, cells: int = 4, patients: int = 12) -> int:
    """The most images that any choice reaches, by maximum flow: source, patients, cells, sink."""
    size = patients + cells + 2
    capacity = np.zeros((size, size), dtype=np.int32)
    capacity[0, 1 : patients + 1] = 1
    for patient, cell in pairs:
        capacity[1 + patient, 1 + patients + cell] = 1
    capacity[1 + patients : 1 + patients + cells, size - 1] = quota
    return int(maximum_flow(csr_matrix(capacity), 0, size - 1).flow_value)


PAIRS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3)), min_size=1, max_size=40)


@settings(max_examples=30)
@given(pairs=PAIRS, quota=st.integers(1, 4), seed=st.integers(0, 9))
def test_no_assignment_fills_more(pairs: list[tuple[int, int]], quota: int, seed: int) -> None:
    chosen = draw_cells(candidates(pairs), {f"c{c}": quota for c in range(4)}, seed=seed)
    assert len(chosen) == most(pairs, quota)
    assert chosen["patient_id"].is_unique
    assert chosen.groupby("cell").size().max() <= quota


@settings(max_examples=30)
@given(pairs=PAIRS, seed=st.integers(0, 9))
def test_the_order_of_rows_does_not_matter(pairs: list[tuple[int, int]], seed: int) -> None:
    rows, quotas = candidates(pairs), {f"c{c}": 2 for c in range(4)}
    mixed = rows.iloc[np.random.default_rng(seed).permutation(len(rows))]
    assert (
        draw_cells(rows, quotas, seed=1)["image_id"].tolist()
        == draw_cells(mixed, quotas, seed=1)["image_id"].tolist()
    )


def test_every_candidate_is_as_likely_and_seeds_differ() -> None:
    rows = candidates([(p, 0) for p in range(10)])
    drawn = [draw_cells(rows, {"c0": 3}, seed=s)["patient_id"].tolist() for s in range(100)]
    counts = pd.Series([p for each in drawn for p in each]).value_counts()
    assert len(counts) == 10
    assert counts.between(15, 47).all()  # 30 expected, sd 4.6


def test_a_patient_may_come_twice_where_the_design_says_so() -> None:
    rows = candidates([(0, 0), (0, 0), (0, 1)])
    assert len(draw_cells(rows, {"c0": 5, "c1": 5}, seed=0, one_a_patient=False)) == 3
    assert len(draw_cells(rows, {"c0": 5, "c1": 5}, seed=0)) == 1


def test_strata_are_shared_out_by_the_scarcest_group() -> None:
    counts = pd.DataFrame({"F": [10, 4, 0], "M": [6, 30, 9]}, index=["young", "old", "older"])
    assert matched_quotas(counts, per_cell=5).to_dict() == {"young": 3, "old": 2, "older": 0}
    assert matched_quotas(counts, per_cell=99).to_dict() == {"young": 6, "old": 4, "older": 0}
