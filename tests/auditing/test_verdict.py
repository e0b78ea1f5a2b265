"""The sentence about a pair of models says what its intervals allow, and no more."""

import numpy as np
import pandas as pd
import pytest

from adfair.auditing.verdict import verdicts


def _row(
    metric: str, a: float, b: float, ci: tuple[float, float], *, group: str = "", race: bool = True
) -> dict:
    return {
        "model_a": "clip",
        "model_b": "adfair",
        "metric": metric,
        "finding": "mean",
        "group": group,
        "attribute": "race" if race else "",
        "value_a": a,
        "value_b": b,
        "difference": b - a,
        "ci_low": ci[0],
        "ci_high": ci[1],
        "note": "",
    }


def _sentence(
    *rows: dict, overall: tuple[float, float, tuple[float, float]] = (0.8, 0.8, (-0.01, 0.01))
) -> str:
    a, b, ci = overall
    table = pd.DataFrame([_row("auc", a, b, ci, race=False), *rows])
    (sentence,) = verdicts(table)
    return sentence


GROUPS = [
    _row("auc", 0.85, 0.84, (-0.02, 0.01), group="White"),
    _row("auc", 0.77, 0.81, (0.02, 0.06), group="Black"),
    _row("auc", 0.60, 0.60, (-0.1, 0.1), group="Unknown"),
]


def test_a_gap_that_closed_names_its_groups_and_the_interval_of_the_change() -> None:
    got = _sentence(
        _row("auc_gap", 0.08, 0.03, (-0.07, -0.02)),
        _row("worst_group_auc", 0.77, 0.81, (0.02, 0.06)),
        *GROUPS,
    )
    assert got == (
        "clip -> adfair, race: the AUC gap (widest between Black and White patients) fell from .080 to .030 "
        "(95 % CI of the change -.070 to -.020); worst-group AUC rose from .770 to .810; "
        "AUC overall did not change reliably (from .800 to .800)."
    )


def test_a_group_without_an_auc_is_not_the_widest() -> None:
    undefined = _row("auc", np.nan, np.nan, (np.nan, np.nan), group="Asian")
    gap, worst = (
        _row("auc_gap", 0.08, 0.03, (-0.07, -0.02)),
        _row("worst_group_auc", 0.77, 0.81, (0.02, 0.06)),
    )
    assert "(widest between Black and White patients)" in _sentence(gap, worst, *GROUPS, undefined)
    assert "the AUC gap between groups fell" in _sentence(gap, worst, GROUPS[0], undefined)


@pytest.mark.parametrize(
    ("after", "ci", "word"),
    [
        (0.15, (-0.07, -0.001), "fell"),
        (0.25, (0.001, 0.07), "rose"),
        (0.15, (-0.07, 0.0), "did not change reliably"),
        (0.15, (0.001, 0.07), "did not change reliably"),  # a biased interval on the other side
    ],
)
def test_only_an_interval_without_zero_is_a_change(after: float, ci: tuple[float, float], word: str) -> None:
    got = _sentence(_row("equalized_odds_difference", 0.2, after, ci))
    assert f"the equalized-odds gap between groups {word}" in got


def test_a_gap_that_closes_by_hurting_the_worst_group_is_not_praised() -> None:
    gap, hurt = _row("auc_gap", 0.08, 0.03, (-0.07, -0.02)), (-0.06, -0.02)
    assert "mind that the gap closed while the worst group lost" in _sentence(
        gap, _row("worst_group_auc", 0.77, 0.73, hurt), *GROUPS
    )
    assert "mind" not in _sentence(gap, _row("worst_group_auc", 0.77, 0.76, (-0.03, 0.01)), *GROUPS)


def test_what_is_undefined_is_said() -> None:
    nan = float("nan")
    got = _sentence(
        _row("auc_gap", nan, 0.03, (nan, nan)),
        _row("worst_group_auc", nan, 0.8, (nan, nan)),
        overall=(np.nan, 0.8, (nan, nan)),
    )
    assert got == (
        "clip -> adfair, race: no gap could be computed; AUC overall is undefined for one of the models."
    )


def test_the_level_of_the_interval_is_printed() -> None:
    table = pd.DataFrame(
        [_row("auc", 0.8, 0.8, (0, 0), race=False), _row("equalized_odds_difference", 0.2, 0.1, (-0.2, -0.1))]
    )
    assert "90 % CI" in verdicts(table, level=0.9)[0]


def test_a_mean_over_easier_findings_names_no_group() -> None:
    partial = {
        **_row("auc", 0.70, 0.70, (-0.1, 0.1), group="Asian"),
        "note": "mean over 1 of 2 findings, undefined: x",
    }
    gap, worst = _row("auc_gap", 0.08, 0.08, (-0.1, 0.1)), _row("worst_group_auc", 0.7, 0.7, (-0.1, 0.1))
    assert "between Black and White patients" in _sentence(gap, worst, *GROUPS, partial)
