"""Fill the tables of README and docs/synthetic.md from finished runs: `make demo`, `make seeds`, `make example-cxr`."""

import json
from pathlib import Path

import pandas as pd

from adfair.reporting.data import model_label
from adfair.workflows import demo

ROOT = Path(__file__).parents[1]
DEMO, RUNS = ROOT / "runs" / "demo", ROOT / "runs"
SEEDS = (0, 1, 2)
MODELS = {name: model_label(name) for name in demo.MODELS}
ROWS = [
    ("AUC", "auc", "", "test"),
    ("AUC, correlation reversed", "auc", "", "test_reversed"),
    ("worst-group AUC, race", "worst_group_auc", "race", "test"),
    ("ES-AUC, race", "es_auc", "race", "test"),
    ("equalized odds difference, race", "equalized_odds_difference", "race", "test"),
    ("equalized odds difference, sex", "equalized_odds_difference", "sex", "test"),
    ("16-shot AUC", "few_shot_auc@16", "", "test"),
    ("leakage of race (larger probe)", "leakage_auc", "race", "test"),
    ("leakage of sex (larger probe)", "leakage_auc", "sex", "test"),
]


def comparison(folder: Path) -> pd.DataFrame:
    """The comparison of one demonstration, every cell as text."""
    return pd.read_csv(folder / "comparison.csv", keep_default_na=False, dtype=str)


def mean_row(table: pd.DataFrame, model: str, metric: str, attribute: str, test_set: str) -> pd.Series:
    """The row of one figure: everyone or every group, mean over findings."""
    keys = {"model": model, "metric": metric, "attribute": attribute, "test_set": test_set, "finding": "mean"}
    rows = table
    for column, value in keys.items():
        rows = rows[rows[column] == value]
    return rows[(rows["group"] == "") & (rows["stratum"] == "")].iloc[0]


def cell(row: pd.Series) -> str:
    """A value with its interval, and the chance level where the metric is a gap."""
    text = f"{float(row['value']):.3f}"
    if row["ci_low"] != "":
        text += f" [{float(row['ci_low']):.3f}, {float(row['ci_high']):.3f}]"
    if row["expected_by_chance"] != "" and "difference" in row["metric"]:
        text += f", by chance {float(row['expected_by_chance']):.3f}"
    return text


def demo_table() -> str:
    """All models side by side, as the last `make demo` left them."""
    table = comparison(DEMO)
    facts = json.loads((DEMO / "demo.json").read_text())
    lines = [
        "| mean over five findings | " + " | ".join(MODELS.values()) + " |",
        "| --- " * (len(MODELS) + 1) + "|",
    ]
    for label, *keys in ROWS:
        cells = [cell(mean_row(table, model, *keys)) for model in MODELS]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(
        [
            *lines,
            "",
            f"Seed {facts['seed']}, balanced test set unless said, 95 % intervals over patients; "
            "thresholds by Youden's rule on the validation split.",
        ]
    )


def seeds_table() -> str:
    """All models on biased and on unbiased data: every seed, and the means."""
    runs = [comparison(folder) for folder in (DEMO, *(RUNS / f"seed{s}" for s in SEEDS[1:]))]
    ceilings = [comparison(RUNS / f"ceiling{s}") for s in SEEDS]
    columns = [(name, runs, model) for model, name in MODELS.items()]
    columns += [(f"{name}, unbiased data", ceilings, model) for model, name in MODELS.items()]
    lines = [f"| seeds {', '.join(map(str, SEEDS))}: mean | " + " | ".join(c[0] for c in columns) + " |"]
    lines.append("| --- " * (len(columns) + 1) + "|")
    for label, *keys in ROWS:
        cells = []
        for _, tables, model in columns:
            values = [float(mean_row(table, model, *keys)["value"]) for table in tables]
            cells.append(f"{', '.join(f'{v:.3f}' for v in values)}: **{sum(values) / len(values):.3f}**")
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def pack_table() -> str:
    """Fold means of the real-image example, or a line that says how to make them."""
    parts = []
    for name in ("natural", "planted"):
        path = RUNS / f"cxr_pack_{name}" / "folds.csv"
        folds = pd.read_csv(path).set_index(["seed", "fold", "arm"])
        means = folds.groupby("arm").mean()
        columns = list(folds.columns)
        head = f"| {name} ({len(folds) // len(means)} folds) | " + " | ".join(columns) + " |"
        rows = [
            f"| {arm} | " + " | ".join(f"{means.loc[arm, c]:.3f}" for c in columns) + " |"
            for arm in ("clip", "adfair", "auto")
        ]
        parts.append("\n".join([head, "| --- " * (len(columns) + 1) + "|", *rows]))
    return "\n\n".join(parts)


def fill(text: str, marker: str, content: str) -> str:
    """Replace what stands between a pair of markers."""
    start, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, rest = text.split(start, 1)
    return f"{before}{start}\n{content}\n{end}{rest.split(end, 1)[1]}"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text()
    if (DEMO / "comparison.csv").exists():
        text = fill(text, "demo-table", demo_table())
    if all((RUNS / f"cxr_pack_{name}" / "folds.csv").exists() for name in ("natural", "planted")):
        text = fill(text, "pack-table", pack_table())
    readme.write_text(text)
    if all((RUNS / f"{kind}2" / "comparison.csv").exists() for kind in ("seed", "ceiling")):
        page = ROOT / "docs" / "synthetic.md"
        page.write_text(fill(page.read_text(), "seeds-table", seeds_table()))
