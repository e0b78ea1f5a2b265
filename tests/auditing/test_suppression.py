"""Small counts in published tables."""

import pandas as pd

from adfair.auditing.suppression import suppress_counts


def test_group_rows_with_few_of_a_class_are_blanked() -> None:
    frame = pd.DataFrame(
        {
            "group": ["", "A", "B", "C", "D"],
            "n": [5, 100, 100, 9, 100],
            "n_positive": [2, 50, 4, 3, 97],
            "note": "",
        }
    )
    for name in ("value", "ci_low", "ci_high", "expected_by_chance", "p_value", "p_adjusted"):
        frame[name] = 0.5
    got = suppress_counts(frame, 10)
    assert got["value"].isna().tolist() == [False, False, True, True, True]
    assert got["n"].isna().tolist() == [False, False, True, True, True]
    assert got.loc[2, "note"] == "suppressed: a count below 10"
