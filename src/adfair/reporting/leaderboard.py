"""One table of many evaluations: models and ways of asking in rows; accuracy, gaps and leakage in columns."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.auditing.documents import latex_table, markdown_table
from adfair.errors import DataError
from adfair.reporting.names import shortest_ends
from adfair.reporting.records import require_own_table
from adfair.reporting.tables import read_table

GAPS = {
    "worst_group_auc": "worst group",
    "auc_gap": "AUC gap",
    "equalized_odds_difference": "odds difference",
}
Grid = tuple[list[str], list[list[str]]]


def leaderboard(folders: Sequence[Path | str]) -> pd.DataFrame:
    """Figures of finished evaluations, and of the further ways of asking below them, in the order given.

    Returns:
        One row a figure: ``model, prompts, cohort, split, metric, attribute, value, ci_low, ci_high,
        expected_by_chance, note``; means over findings. A model is called by its folder, and by as many of the
        folders above it as tell it from the others.

    Raises:
        DataError: a folder holds no evaluation.
    """
    rows = [frame for folder, name in _named(folders) for frame in _evaluation(folder, name)]
    if not rows:
        raise DataError("a leaderboard needs folders that 'adfair evaluate' has written")
    return pd.concat(rows, ignore_index=True)


def _named(folders: Sequence[Path | str]) -> list[tuple[Path, str]]:
    """Every folder once, with the shortest end of its path that no other folder has."""
    places = list(dict.fromkeys(Path(os.path.abspath(folder)) for folder in folders))
    return list(zip(places, shortest_ends(places), strict=True))


def _evaluation(folder: Path, name: str) -> list[pd.DataFrame]:
    record = folder / "evaluation.json"
    try:
        facts = json.loads(record.read_text(encoding="utf-8"))
        cohort, split, prompts = facts["cohort"]["name"], facts["split"], facts.get("prompts", "ours")
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError.at(
            "no evaluation", file=record, remedy="Name folders of 'adfair evaluate'."
        ) from None
    require_own_table(folder, facts)
    places = [(prompts, folder)]
    places += [(further, folder / "prompts" / further) for further in facts.get("further_prompts", [])]
    shared = {"model": name, "cohort": cohort, "split": split}
    return [_figures(place).assign(prompts=asked, **shared) for asked, place in places]


def _figures(folder: Path) -> pd.DataFrame:
    table = read_table(folder / "metrics.csv")
    wanted = table["metric"].isin(["auc", *GAPS, "leakage_auc"])
    kept = table[wanted & (table["finding"] == "mean") & (table["group"] == "") & (table["stratum"] == "")]
    columns = ["metric", "attribute", "value", "ci_low", "ci_high", "expected_by_chance", "note"]
    return kept[columns]


def grid(table: pd.DataFrame) -> Grid:
    """Header and cells: ``value [interval]``, gaps with what chance alone would show in brackets."""
    attributes = [name for name in dict.fromkeys(table["attribute"]) if name]
    metrics = [*GAPS, *(["leakage_auc"] if (table["metric"] == "leakage_auc").any() else [])]
    header = ["model", "prompts", "cohort", "AUC"]
    header += [f"{GAPS.get(metric, 'leakage')}, {name}" for name in attributes for metric in metrics]
    lines = []
    for keys, part in table.groupby(["model", "prompts", "cohort", "split"], sort=False):
        model, prompts, cohort, split = map(str, keys)
        cells = [_cell(part, "auc", "")]
        cells += [_cell(part, metric, name) for name in attributes for metric in metrics]
        lines.append([model, prompts, f"{cohort}, {split}", *cells])
    return header, lines


def _cell(part: pd.DataFrame, metric: str, attribute: str) -> str:
    found = part[(part["metric"] == metric) & (part["attribute"] == attribute)]
    if found.empty:
        return ""
    row = found.iloc[0]
    if np.isnan(row["value"]):
        return "undefined"
    text = f"{row['value']:.3f}"
    if np.isfinite(row["ci_low"]):
        text += f" [{row['ci_low']:.3f}, {row['ci_high']:.3f}]"
    chance = row["expected_by_chance"]
    return f"{text} ({chance:.3f})" if metric != "auc" and np.isfinite(chance) else text


def write_leaderboard(table: pd.DataFrame, folder: Path | str) -> Path:
    """Write ``leaderboard.csv``, ``.md`` and ``.tex`` into ``folder``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    first = ["model", "prompts", "cohort", "split"]
    table[[*first, *(name for name in table if name not in first)]].to_csv(
        folder / "leaderboard.csv", index=False
    )
    (folder / "leaderboard.md").write_text(markdown_table(grid(table)) + "\n", encoding="utf-8")
    (folder / "leaderboard.tex").write_text(latex_table(grid(table)) + "\n", encoding="utf-8")
    return folder
