"""--fail-if conditions."""

from collections.abc import Callable

import pandas as pd
import pytest

from adfair import audit
from adfair.auditing.conditions import Condition, held, parse_condition
from adfair.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected", "reading"),
    [
        ("auc<.8", Condition("auc", "", "<", 0.8), ("", "", "mean")),
        ("auc_gap[race] > 1e-1", Condition("auc_gap", "race", ">", 0.1), ("race", "", "mean")),
        (
            " tpr[race=Black, Edema] <= 0.5 ",
            Condition("tpr", "race=Black, Edema", "<=", 0.5),
            ("race", "Black", "Edema"),
        ),
        ("few_shot_auc@16[ , Edema]>=0", Condition("few_shot_auc@16", ", Edema", ">=", 0), ("", "", "Edema")),
    ],
)
def test_forms(text: str, expected: Condition, reading: tuple[str, str, str]) -> None:
    assert parse_condition(text) == expected
    assert expected.readings()[-1] == reading


@pytest.mark.parametrize("text", ["", "auc", "auc > high", "auc == .5", "auc[race > .1", "> .1"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--fail-if"):
        parse_condition(text)


def test_held_or_not(table: Callable[..., pd.DataFrame]) -> None:
    result = audit(table(), threshold=0.5, replicates=0)
    gap = result.value("equalized_odds_difference", attribute="race")
    assert held(parse_condition(f"equalized_odds_difference[race] > {gap / 2}"), result)
    assert held(parse_condition(f"equalized_odds_difference[race] > {gap * 2}"), result) == ""
    assert held(parse_condition("auc[race=B, f1] < 1"), result).startswith("auc[race=B, f1] = 0.")
    with pytest.raises(ConfigError, match="no figure"):
        held(parse_condition("auc_gap[ethnicity] > 0"), result)


def test_undefined_counts_as_failed(table: Callable[..., pd.DataFrame]) -> None:
    frame = table()
    frame["score"] = frame["score"] * 3
    result = audit(frame, replicates=0)
    assert "undefined" in held(parse_condition("tpr < 0"), result)


def test_a_group_may_hold_a_comma(table: Callable[..., pd.DataFrame]) -> None:
    frame = table()
    frame["race"] = frame["race"].replace("A", "A, not B")
    result = audit(frame, threshold=0.5, replicates=0)
    assert held(parse_condition("auc[race=A, not B] < 2"), result).startswith("auc[race=A, not B, mean]")
    assert held(parse_condition("auc[race=A, not B, f1] < 2"), result).startswith("auc[race=A, not B, f1]")
