"""Detectable differences."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from adfair import audit
from adfair.auditing import detectable


def test_detectable_difference_of_two_proportions_by_the_textbook() -> None:
    n = 4000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": rng.integers(0, 2, n), "score": (rng.random(n) < 0.3) * 1.0})
    frame["g"] = np.repeat(["x", "y"], n // 2)
    table = detectable(audit(frame, threshold=0.5, replicates=1500, permutations=0), power=0.8)
    got = table[(table["metric"] == "selection_rate_difference") & (table["finding"] == "label")].iloc[0]
    expected = (1.959964 + 0.841621) * np.sqrt(2 * 0.3 * 0.7 / (n / 2))
    assert got["detectable"] == pytest.approx(expected, rel=0.08)
    assert got["patients_factor"] == pytest.approx((got["detectable"] / 0.05) ** 2)


def test_four_times_the_patients_halve_it(table: Callable[..., pd.DataFrame]) -> None:
    least = []
    for images in (400, 1600):
        result = audit(
            table(images, findings=1), attributes=["sex"], threshold=0.5, replicates=800, permutations=0
        )
        rows = detectable(result)
        least.append(rows[rows["metric"] == "auc_difference"]["detectable"].iloc[0])
    assert least[0] / least[1] == pytest.approx(2, rel=0.2)


def test_pairs_with_a_small_group_are_left_out(table: Callable[..., pd.DataFrame]) -> None:
    frame = table(findings=1)
    frame.loc[frame["patient_id"].isin(["p0", "p1", "p2"]), "race"] = "Z"
    got = detectable(audit(frame, attributes=["race"], replicates=100, permutations=0))
    assert {"A-B", "A-C", "B-C"} == set(got["group"])
