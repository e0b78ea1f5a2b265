"""The comparison as the terminal prints it: models side by side, intervals below, best marked."""

from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from adfair.reporting.data import NUMBER_COLUMNS, TEXT_COLUMNS, Estimate, ReportData, model_label
from adfair.reporting.text import interval, number, undefined
from adfair.reporting.view import extreme

# label, metric, test set ("" is the primary one), attribute, whether more is better
LINES = (
    ("AUC", "auc", "", "", True),
    ("AUC, reversed", "auc", "test_reversed", "", True),
    ("Worst-group AUC, race", "worst_group_auc", "", "race", True),
    ("ES-AUC, race", "es_auc", "", "race", True),
    ("Equalized odds difference, race", "equalized_odds_difference", "", "race", False),
    ("Equalized odds difference, sex", "equalized_odds_difference", "", "sex", False),
    ("16-shot AUC", "few_shot_auc@16", "", "", True),
    ("Leakage of race (chance .500)", "leakage_auc", "", "race", False),
    ("Leakage of sex (chance .500)", "leakage_auc", "", "sex", False),
)

SIDE_BY_SIDE = 2
"""Models whose intervals stand beside their values; more would not fit a screen, and the intervals go below."""


def comparison_table(comparison: pd.DataFrame) -> Table:
    """Models side by side with 95 % intervals, the level of chance for gaps, and the best value marked.

    Args:
        comparison: the columns of ``comparison.csv``. Lines of which no model has a row are left out; a value
            that is undefined says why, and one that is absent is a dash.
    """
    data = ReportData(title="", metrics=_complete(comparison))
    table = Table(title="Comparison, mean over findings [95 % interval]", caption="* best as printed")
    table.add_column("")
    for model in data.models:
        # Text, not markup: a model's name may hold square brackets.
        table.add_column(Text(model_label(model)), justify="right")
    for label, metric, place, attribute, more_is_better in LINES:
        found = [data.get(metric, model=m, test_set=place or None, attribute=attribute) for m in data.models]
        if any(e is not None for e in found):
            best = extreme(found, largest=more_is_better)
            table.add_row(
                Text(label),
                *(
                    _cell(e, best=i == best, chance=metric != "leakage_auc", below=len(found) > SIDE_BY_SIDE)
                    for i, e in enumerate(found)
                ),
            )
    return table


def _complete(comparison: pd.DataFrame) -> pd.DataFrame:
    text = {c: comparison[c].fillna("").astype(str) if c in comparison else "" for c in TEXT_COLUMNS}
    numbers = {c: _numbers(comparison[c]) if c in comparison else float("nan") for c in NUMBER_COLUMNS}
    return comparison.assign(**text, **numbers)


def _numbers(column: "pd.Series[Any]") -> "pd.Series[float]":
    # An undefined value is an empty cell, which some readers keep as an empty string.
    return pd.to_numeric(column.mask(column.astype(str) == "")).astype(float)


def _cell(estimate: Estimate | None, *, best: bool, chance: bool, below: bool) -> Text:
    if estimate is None:
        return Text("–", style="dim")
    if not estimate.defined:
        return Text(undefined(estimate), style="italic")
    text = Text(f"{number(estimate.value)}{'*' if best else ' '}", style="bold green" if best else "")
    if estimate.has_interval:
        text.append(("\n" if below else " ") + interval(estimate), style="not bold dim")
    if chance and estimate.chance == estimate.chance:
        text.append(f"\nchance {number(estimate.chance)}", style="not bold dim")
    return text
