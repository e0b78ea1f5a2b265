"""Audit a pixels-only baseline on real chest X-rays: train, choose thresholds, audit, all by patient.

    python examples/audit_nih_pixels.py PACK [--out runs/nih_pixels] [--docs docs/metrics.md]

PACK is a folder with ``manifest.csv`` and NIH ChestX-ray14 images (labels text-mined by Wang et al., CVPR
2017; the NIH Clinical Center is the data provider). The model is a logistic regression on the principal
components of 64 x 64 pixels: it knows nothing of medicine, which makes it a baseline to hold other models
against, not a detector of anything. Its folder gets ``predictions.csv`` (test), ``validation.csv`` and the
audit's own files.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from adfair.auditing import Audit, audit
from adfair.auditing.documents import gap_grid, group_grid
from adfair.metrics import (
    auc,
    demographic_parity_difference,
    equal_opportunity_difference,
    equalized_odds_difference,
    equalized_odds_difference_mean,
    es_auc,
    group_auc,
    group_rates,
)

FINDINGS = ("Pneumonia", "Infiltration", "Atelectasis", "Edema", "Effusion")
SIZE = 64


def load_manifest(pack: Path) -> pd.DataFrame:
    """The NIH rows without byte-identical duplicates, one label column a finding."""
    table = pd.read_csv(pack / "manifest.csv", dtype=str, keep_default_na=False)
    table = table[(table["dataset"] == "nih_chestxray14") & (table["duplicate_of"] == "")].reset_index(
        drop=True
    )
    named = table["labels"].str.split("|")
    for finding in FINDINGS:
        table[finding] = [int(finding in labels) for labels in named]
    return table


def load_pixels(pack: Path, paths: pd.Series) -> np.ndarray:
    """Grey pixels [N, SIZE * SIZE], each image standardised."""
    images = []
    for path in paths:
        with Image.open(pack / path) as image:
            images.append(np.asarray(image.convert("L").resize((SIZE, SIZE)), dtype=float).ravel())
    pixels = np.stack(images)
    return (pixels - pixels.mean(axis=1, keepdims=True)) / pixels.std(axis=1, keepdims=True)


def predict(table: pd.DataFrame, pixels: np.ndarray) -> pd.DataFrame:
    """Long predictions of every image that is not in the training split."""
    train = (table["split"] == "train").to_numpy()
    parts = []
    for finding in FINDINGS:
        label = table[finding].to_numpy()
        model = make_pipeline(
            StandardScaler(), PCA(40, random_state=0), LogisticRegression(C=0.1, max_iter=2000)
        )
        model.fit(pixels[train], label[train])
        rest = table[~train]
        columns = rest[["image_path", "patient_id", "split", "view", "sex", "age"]].rename(
            columns={"image_path": "image_id"}
        )
        score = model.predict_proba(pixels[~train])[:, 1]
        parts.append(columns.assign(finding=finding, label=label[~train], score=score))
    return pd.concat(parts, ignore_index=True)


def run(pack: Path, out: Path) -> tuple[Audit, pd.DataFrame]:
    """Train, write the tables, audit the test split with thresholds from the validation split."""
    table = load_manifest(pack)
    predictions = predict(table, load_pixels(pack, table["image_path"]))
    out.mkdir(parents=True, exist_ok=True)
    test = predictions[predictions["split"] == "test"].drop(columns="split")
    validation = predictions[predictions["split"] != "test"].drop(columns="split")
    test.to_csv(out / "predictions.csv", index=False)
    validation.to_csv(out / "validation.csv", index=False)
    result = audit(
        out / "predictions.csv",
        attributes=["sex", "age"],
        bins={"age": [40, 60]},
        strata=["view"],
        validation=out / "validation.csv",
        threshold="youden",
    )
    result.save(out)
    return result, test


def conventions(
    test: pd.DataFrame, result: Audit, finding: str = "Pneumonia"
) -> list[tuple[str, str, float]]:
    """What each tool would print for the same scores and sexes: (tool, its name for it, its number)."""
    rows = test[test["finding"] == finding]
    y, s, a = (rows[name].to_numpy() for name in ("label", "score", "sex"))
    cut = result.facts["thresholds"][finding]
    p = (s >= cut).astype(int)
    by = {"sensitive_features": a}
    rates = group_rates(y, p, **by)
    tpr, fpr = ([r[k] for r in rates.values()] for k in ("tpr", "fpr"))
    aucs = list(group_auc(y, s, **by).values())
    d_tpr, d_fpr = max(tpr) - min(tpr), max(fpr) - min(fpr)
    return [
        ("adfair", "demographic_parity_difference", demographic_parity_difference(y, p, **by)),
        ("adfair", "equal_opportunity_difference", equal_opportunity_difference(y, p, **by)),
        ("adfair", "equalized_odds_difference", equalized_odds_difference(y, p, **by)),
        ("adfair", "equalized_odds_difference_mean", equalized_odds_difference_mean(y, p, **by)),
        ("adfair", "es_auc", es_auc(y, s, **by)),
        ("fairlearn, FairCLIP", "equalized odds difference: the larger of both gaps", max(d_tpr, d_fpr)),
        ("FairCLIP", "ES-AUC", auc(y, s) / (1 + sum(abs(x - auc(y, s)) for x in aucs))),
        (
            "fairmedfm, MEDFAIR",
            "eod / EqOdd, higher is fairer: 1 - mean of both gaps",
            1 - (d_tpr + d_fpr) / 2,
        ),
        ("fairmedfm", "eo: the TPR gap", d_tpr),
        ("MEDFAIR", "EqOpp1, in fact the FPR gap", d_fpr),
        ("MEDFAIR", "DP, higher is fairer", 1 - demographic_parity_difference(y, p, **by)),
        ("aequitas", "TPR disparity, M over F (the larger group)", rates["M"]["tpr"] / rates["F"]["tpr"]),
        ("aequitas", "FPR disparity, M over F (the larger group)", rates["M"]["fpr"] / rates["F"]["fpr"]),
    ]


def markdown_table(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table."""
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def document(page: Path, result: Audit, test: pd.DataFrame) -> None:
    """Write the example's and the conventions' tables into their blocks of the page."""
    within = result.table[(result.table["metric"] == "auc") & (result.table["stratum"] != "")]
    within = within[(within["finding"] == "mean") & (within["attribute"] == "")]
    views = [f"{r.stratum} {r.value:.3f} [{r.ci_low:.3f}, {r.ci_high:.3f}]" for r in within.itertuples()]
    size = f"{result.facts['images']} test images of {result.facts['patients']} patients."
    example = [size, "", markdown_table(*group_grid(result)), "", markdown_table(*gap_grid(result))]
    example += ["", f"AUC within view, mean over findings: {'; '.join(views)}."]
    lines = [[tool, name, f"{value:.3f}"] for tool, name, value in conventions(test, result)]
    table = markdown_table(["tool", "what it prints", "value"], lines)
    text = page.read_text(encoding="utf-8")
    for name, block in (("example", "\n".join(example)), ("conventions", table)):
        head, _, rest = text.partition(f"<!-- {name}:begin -->")
        tail = rest.partition(f"<!-- {name}:end -->")[2]
        text = f"{head}<!-- {name}:begin -->\n{block}\n<!-- {name}:end -->{tail}"
    page.write_text(text, encoding="utf-8")


def main() -> None:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", type=Path, help="folder with manifest.csv and images")
    parser.add_argument("--out", type=Path, default=Path("runs/nih_pixels"))
    parser.add_argument("--docs", type=Path, help="page whose example and conventions blocks to rewrite")
    arguments = parser.parse_args()
    result, test = run(arguments.pack, arguments.out)
    print(markdown_table(*group_grid(result)))
    print(markdown_table(*gap_grid(result)))
    if arguments.docs:
        document(arguments.docs, result, test)


if __name__ == "__main__":
    main()
