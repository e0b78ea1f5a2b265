"""Choosing a threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adfair.errors import ConfigError
from adfair.metrics import apply_threshold, choose_threshold, rates
from adfair.metrics.thresholds import parse_rule

tables = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=4, max_size=40)


@given(tables, st.sampled_from(["youden", "f1", "sensitivity=.9", "specificity=.8"]))
def test_chosen_threshold_is_the_best_of_all(pairs: list[tuple[int, int]], rule: str) -> None:
    y, s = (np.array(x) for x in zip(*pairs, strict=True))
    if y.min() == y.max():
        return
    chosen = choose_threshold(y, s, rule=rule)
    seen = {t: rates(y, apply_threshold(s, t)) for t in [*np.unique(s), chosen]}
    if rule == "youden":
        best = max(r["tpr"] - r["fpr"] for r in seen.values())
        assert seen[chosen]["tpr"] - seen[chosen]["fpr"] == pytest.approx(best)
    elif rule == "f1":
        # 2 x precision x recall / (precision + recall), which is 0 where nothing is found.
        f1 = {t: 2 * r["ppv"] * r["tpr"] / (r["ppv"] + r["tpr"]) if r["tpr"] else 0 for t, r in seen.items()}
        assert f1[chosen] == pytest.approx(max(f1.values()))
    elif rule == "sensitivity=.9":
        assert chosen == max(t for t, r in seen.items() if r["tpr"] >= 0.9)
    else:
        assert chosen == min(t for t, r in seen.items() if r["tnr"] >= 0.8)


def test_equally_good_thresholds_go_to_the_lowest() -> None:
    assert choose_threshold([0, 1, 0, 1], [1, 2, 3, 4], rule="youden") == 2


def test_full_specificity_can_lie_above_every_score() -> None:
    threshold = choose_threshold([1, 0], [0.2, 0.9], rule="specificity=1")
    assert apply_threshold([0.2, 0.9], threshold).sum() == 0


def test_number_is_taken_as_it_is() -> None:
    assert choose_threshold([0, 1], [0.1, 0.9], rule=0.3) == 0.3
    assert choose_threshold([0, 1], [0.1, 0.9], rule="-2") == -2


@pytest.mark.parametrize("rule", ["youden", "f1", "sensitivity=.9"])
def test_without_positives_there_is_no_threshold(rule: str) -> None:
    assert np.isnan(choose_threshold([0, 0], [0.1, 0.2], rule=rule))


@pytest.mark.parametrize("rule", ["best", "sensitivity=2", "f1=.3", "sensitivity=", "nan", "specificity=0"])
def test_unknown_rules_are_refused(rule: str) -> None:
    with pytest.raises(ConfigError, match="threshold rule"):
        parse_rule(rule)
