"""Sentences a clinician understands about what changed between two models."""

import numpy as np
import pandas as pd

from adfair.auditing.reasons import mean_over

_GAPS = {"auc_gap": "AUC gap", "equalized_odds_difference": "equalized-odds gap"}


def verdicts(table: pd.DataFrame, *, level: float = 0.95) -> list[str]:
    """One sentence an attribute from the comparison rows of one pair of models (means over findings)."""
    means = table[table["finding"] == "mean"]
    overall = means[(means["metric"] == "auc") & (means["attribute"] == "")].iloc[0]
    names = f"{overall['model_a']} -> {overall['model_b']}"
    attributes = dict.fromkeys(a for a in means["attribute"] if a)
    out = [] if attributes else [f"{names}: AUC overall {_moved(overall)}."]
    for attribute in attributes:
        rows = means[(means["attribute"] == attribute)]
        gaps = rows[rows["metric"].isin(_GAPS)]
        parts = [
            _gap_phrase(rows, gap, overall, level)
            for _, gap in gaps.iterrows()
            if np.isfinite(gap["difference"])
        ]
        worst = (
            rows[rows["metric"] == "worst_group_auc"].iloc[0]
            if (rows["metric"] == "worst_group_auc").any()
            else None
        )
        if worst is not None and np.isfinite(worst["difference"]):
            parts.append(f"worst-group AUC {_moved(worst)}")
            parts += _caution(gaps, worst)
        else:
            parts.append("no gap could be computed")
        out.append(f"{names}, {attribute}: {'; '.join(parts)}; AUC overall {_moved(overall)}.")
    return out


def _gap_phrase(rows: pd.DataFrame, gap: pd.Series, overall: pd.Series, level: float) -> str:
    between = _extremes(rows, overall) if gap["metric"] == "auc_gap" else "between groups"
    said = f"the {_GAPS[gap['metric']]} {between} {_moved(gap)}"
    if not np.isfinite([gap["ci_low"], gap["ci_high"]]).all():
        return said
    interval = f"{_signed(gap['ci_low'])} to {_signed(gap['ci_high'])}"
    return f"{said} ({100 * level:g} % CI of the change {interval})"


def _extremes(rows: pd.DataFrame, overall: pd.Series) -> str:
    groups = rows[(rows["metric"] == "auc") & (rows["group"] != "Unknown")]
    # A mean over easier findings than the others' does not tell who is served worse.
    groups = groups[groups["note"].map(mean_over) == mean_over(overall["note"])]
    groups = groups.dropna(subset="value_a").sort_values("value_a")
    if len(groups) < 2:
        return "between groups"
    return f"(widest between {groups['group'].iloc[0]} and {groups['group'].iloc[-1]} patients)"


def _moved(row: pd.Series) -> str:
    """Fell, rose, or not reliably changed: reliable when the interval of the change excludes 0."""
    if not np.isfinite([row["value_a"], row["value_b"]]).all():
        return "is undefined for one of the models"
    figures = f"from {_short(row['value_a'])} to {_short(row['value_b'])}"
    if not np.isfinite([row["ci_low"], row["ci_high"]]).all():
        return f"went {figures}, without an interval"
    # A largest difference is biased upwards in resamples: its interval may lie on the other side of the change itself.
    if row["ci_high"] < 0 and row["value_b"] < row["value_a"]:
        return f"fell {figures}"
    if row["ci_low"] > 0 and row["value_b"] > row["value_a"]:
        return f"rose {figures}"
    return f"did not change reliably ({figures})"


def _caution(gaps: pd.DataFrame, worst: pd.Series) -> list[str]:
    if (gaps["ci_high"] < 0).any() and worst["ci_high"] < 0:
        return ["mind that the gap closed while the worst group lost"]
    return []


def _short(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)
