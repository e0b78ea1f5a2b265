"""Means, spreads and paired differences of made-up runs."""

import numpy as np
import pandas as pd
import pytest

from adfair.auditing.repeats import SUMMARY_COLUMNS, Figure, Repeats, parse_figure, summarise
from adfair.errors import ConfigError

AUC, GAP = Figure("test", "auc"), Figure("test", "equalized_odds_difference", "race")
VALUES = {"clip": [0.80, 0.82, 0.84], "adfair": [0.85, 0.86, 0.90]}


def line(arm: str, seed: int, figure: Figure, value: float | str, note: str = "") -> dict[str, str]:
    own = {"cohort": "c", "arm": arm, "seed": str(seed), **vars(figure)}
    return own | {"finding": "mean", "group": "", "stratum": "", "value": str(value), "note": note}


def repeats(*, seeds: int = 3, drop: tuple[str, int] | None = None, **more: object) -> Repeats:
    lines = [
        line(arm, seed, figure, values[seed] if figure is AUC else values[seed] / 4)
        for arm, values in VALUES.items()
        for seed in range(seeds)
        for figure in (AUC, GAP)
        if (arm, seed) != drop
    ]
    # What must not be mistaken for the figure: one finding, one group, one stratum, another attribute.
    for change in ({"finding": "Edema"}, {"group": "F"}, {"stratum": "PA"}, {"attribute": "sex"}):
        lines.append(line("clip", 0, AUC, 0.1) | change)
    given = {"metrics": pd.DataFrame(lines), "failures": {}} | more
    return Repeats(cohorts=["c"], arms=["clip", "adfair"], seeds=list(range(seeds)), **given)  # type: ignore[arg-type]


def only(table: pd.DataFrame, arm: str, metric: str = "auc") -> pd.Series:
    return table[(table["arm"] == arm) & (table["metric"] == metric)].iloc[0]


def test_one_row_an_arm_and_figure_in_order() -> None:
    table = summarise(repeats(), figures=[GAP, AUC], baseline="clip")
    assert tuple(table.columns) == SUMMARY_COLUMNS
    keys = list(zip(table["arm"], table["metric"], table["attribute"], strict=True))
    gap, auc = (GAP.metric, "race"), ("auc", "")
    assert keys == [("clip", *gap), ("clip", *auc), ("adfair", *gap), ("adfair", *auc)]


def test_mean_spread_and_paired_difference_by_hand() -> None:
    table = summarise(repeats(), figures=[AUC, GAP], baseline="clip")
    clip, adfair = only(table, "clip"), only(table, "adfair")
    assert (clip["n"], clip["mean"], clip["sd"]) == (3, pytest.approx(0.82), pytest.approx(0.02))
    # Differences .05, .04, .06: mean .05, sd .01, half-width 4.302653 x .01 / sqrt(3).
    assert adfair["difference"] == pytest.approx(0.05)
    assert adfair["ci_high"] - adfair["difference"] == pytest.approx(0.0248414, abs=1e-6)
    assert np.isnan(clip["difference"])
    assert only(table, "adfair", GAP.metric)["difference"] == pytest.approx(0.0125)
    assert set(table["note"]) == {""}


def test_one_seed_has_a_mean_and_says_what_it_lacks() -> None:
    found = only(summarise(repeats(seeds=1), figures=[AUC], baseline="clip"), "adfair")
    assert found["difference"] == pytest.approx(0.05)
    assert found[["sd", "ci_low", "ci_high"]].isna().all()
    assert found["note"] == "one seed: no sd and no interval"


def test_a_failed_seed_makes_the_figure_undefined_with_its_reason() -> None:
    failed = repeats(drop=("adfair", 1), failures={("c", "adfair", 1): "step 4: the contrastive term is nan"})
    found = only(summarise(failed, figures=[AUC], baseline="clip"), "adfair")
    assert found[["mean", "sd", "difference"]].isna().all()
    assert found["note"] == "undefined: seed 1: step 4: the contrastive term is nan"


def test_without_the_baseline_there_is_a_mean_and_no_difference() -> None:
    failed = repeats(drop=("clip", 0), failures={("c", "clip", 0): "stopped"})
    table = summarise(failed, figures=[AUC], baseline="clip")
    assert only(table, "adfair")["mean"] == pytest.approx(0.87)
    assert np.isnan(only(table, "adfair")["difference"])
    assert only(table, "adfair")["note"] == "no difference: clip is undefined"


def test_an_undefined_value_keeps_its_note_and_an_absent_one_says_so() -> None:
    base = repeats()
    lines = [line("adfair", s, Figure("test", "brier"), "", "undefined: not probabilities") for s in range(3)]
    more = repeats(metrics=pd.concat([base.metrics, pd.DataFrame(lines)]))
    table = summarise(more, figures=[Figure("test", "brier")], baseline="clip")
    assert only(table, "adfair", "brier")["note"] == "undefined: not probabilities"
    assert only(table, "clip", "brier")["note"] == "undefined: not in the metrics of test"


def test_figures_are_read_and_refused() -> None:
    assert parse_figure("test:es_auc:race") == Figure("test", "es_auc", "race")
    assert str(parse_figure("test_5x90:few_shot_auc@16")) == "test_5x90:few_shot_auc@16"
    for wrong in ("auc", "test:", "a:b:c:d", ""):
        with pytest.raises(ConfigError, match="TESTSET:METRIC"):
            parse_figure(wrong)
