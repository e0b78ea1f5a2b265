"""The verdict must say what the table says, whichever model it favours."""

import re
from types import SimpleNamespace

import pandas as pd
import pytest

from adfair.reporting.data import ReportData
from adfair.reporting.tables import read_table
from adfair.reporting.verdict import verdict

# gap and AUC of the baseline and of the candidate, then the words that must and must not appear
CASES = {
    "win": ((0.22, 0.87), (0.06, 0.92), ["a smaller gap", "at higher accuracy"], "good"),
    "win at a price": ((0.22, 0.92), (0.06, 0.87), ["a smaller gap", "at lower accuracy"], "mixed"),
    "loss": ((0.06, 0.92), (0.22, 0.87), ["a larger gap", "at lower accuracy"], "bad"),
    "less fair, more accurate": ((0.06, 0.87), (0.22, 0.92), ["a larger gap", "at higher accuracy"], "mixed"),
    "no clear change": (
        (0.10, 0.880),
        (0.09, 0.885),
        ["no clear change in the gap", "with no clear change of accuracy"],
        "neutral",
    ),
}


@pytest.fixture
def table(fake: SimpleNamespace, tmp_path):
    def make(before: tuple[float, float], after: tuple[float, float], *more: dict[str, object]) -> ReportData:
        rows = list(more)
        for model, (gap, auc) in (("clip", before), ("adfair", after)):
            extra = {"attribute": "race", "expected_by_chance": 0.04}
            rows.append(fake.row(model, "equalized_odds_difference", gap, half=0.02, **extra))
            rows.append(fake.row(model, "auc", auc, half=0.01))
        path = tmp_path / "comparison.csv"
        pd.DataFrame(rows, columns=fake.COLUMNS).to_csv(path, index=False)
        return ReportData(title="", metrics=read_table(path))

    return make


@pytest.mark.parametrize("case", CASES)
def test_headline_and_tone_follow_the_numbers(table, case: str) -> None:
    before, after, words, tone = CASES[case]
    found = verdict(table(before, after))
    assert all(word in found.headline for word in words)
    assert found.tone == tone


def test_the_two_sentences_quote_values_intervals_and_chance(table) -> None:
    first, second = verdict(table((0.22, 0.877), (0.06, 0.899))).sentences
    assert first == (
        "Between race groups the equalized odds difference fell from .220 [.200,\u00a0.240] with CLIP "
        "to .060 [.040,\u00a0.080] with AdFair-CLIP (expected by chance: .040)."
    )
    assert second == (
        "Mean AUC rose from .877 [.867,\u00a0.887] with CLIP to .899 [.889,\u00a0.909] with AdFair-CLIP."
    )


def test_a_move_inside_overlapping_intervals_is_called_unsettled(table) -> None:
    first, second = verdict(table((0.10, 0.880), (0.09, 0.885))).sentences
    assert "fell from .100" in first
    assert "do not settle" in first
    assert "rose from .880" in second
    assert "do not settle" in second


def test_values_that_print_alike_stayed(table) -> None:
    first, second = verdict(table((0.10, 0.88), (0.10, 0.88))).sentences
    assert "stayed at .100" in first
    assert "stayed at .880" in second


def test_a_paired_interval_overrules_overlap(table) -> None:
    plain = table((0.10, 0.880), (0.09, 0.885))
    paired = pd.DataFrame(
        {
            "model_a": ["clip"],
            "model_b": ["adfair"],
            "metric": ["auc"],
            "finding": ["mean"],
            "attribute": [None],
            "difference": [0.005],
            "ci_low": [0.002],
            "ci_high": [0.008],
        }
    )
    found = verdict(ReportData(title="", metrics=plain.metrics, differences=paired))
    assert "at higher accuracy" in found.headline
    assert "settle" not in found.sentences[1]


def test_levelling_down_and_a_worse_second_attribute_are_watched(table, fake: SimpleNamespace) -> None:
    more = [
        fake.row("clip", "worst_group_auc", 0.86, attribute="race"),
        fake.row("adfair", "worst_group_auc", 0.80, attribute="race"),
        fake.row("clip", "equalized_odds_difference", 0.05, attribute="sex", half=0.005),
        fake.row("adfair", "equalized_odds_difference", 0.11, attribute="sex", half=0.005),
        {**fake.row("clip", "auc", 0.80), "test_set": "test_reversed"},
        {**fake.row("adfair", "auc", 0.70), "test_set": "test_reversed"},
    ]
    watch = " ".join(verdict(table((0.22, 0.87), (0.10, 0.87), *more)).watch)
    assert "worst-served of the race groups fell from .860 to .800. A gap that closes" in watch
    assert "Between sex groups the equalized odds difference rose from .050 to .110" in watch
    assert "On test_reversed the mean AUC fell from .800 to .700" in watch
    assert "A gap between race groups remains: .100" in watch


def test_an_undefined_gap_gives_its_reason(table) -> None:
    data = table((0.22, 0.87), (float("nan"), 0.87))
    data.metrics.loc[data.metrics["value"].isna(), "note"] = "one class only"
    found = verdict(data)
    assert "AdFair-CLIP: undefined: one class only" in found.sentences[0]
    assert "gap" not in found.headline


@pytest.mark.parametrize(
    ("p_value", "words"),
    [(0.001, "beyond chance"), (0.4, "no gap between race groups beyond chance was found")],
)
def test_one_model_is_described_against_chance(
    fake: SimpleNamespace, tmp_path, p_value: float, words: str
) -> None:
    gap = fake.row("m", "equalized_odds_difference", 0.1, attribute="race", expected_by_chance=0.04)
    rows = [
        {**gap, "p_value": p_value},
        fake.row("m", "auc", 0.87),
        fake.row("m", "auc", 0.90, attribute="race", group="A"),
        fake.row("m", "auc", 0.80, attribute="race", group="B"),
    ]
    path = tmp_path / "comparison.csv"
    pd.DataFrame(rows, columns=fake.COLUMNS).to_csv(path, index=False)
    found = verdict(ReportData(title="", metrics=read_table(path)))
    assert words in found.headline
    assert "against .040 expected by chance" in found.sentences[0]
    assert "of the race groups, B is served worst, at .800" in found.sentences[1]


def test_the_verdict_is_two_sentences(table) -> None:
    for before, after, _, _ in CASES.values():
        for sentence in verdict(table(before, after)).sentences:
            # A full stop followed by a blank ends a sentence; the numbers here start with their point.
            assert len(re.findall(r"\.(?= [A-Z]|$)", sentence)) == 1
