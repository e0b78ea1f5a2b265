"""Are p-values honest where nothing is unfair but something else differs between groups, models or cohorts?

Simulates tables in which scores depend on the label alone, and counts how often a p-value is small. Run it as

    python benchmarks/bench_nulls.py [--simulations 500] [--docs docs/metrics.md]

and it prints a table; with ``--docs`` it also writes the table into that page.
"""

from statistics import NormalDist

import numpy as np
import pandas as pd
from pages import simulate

from adfair.auditing import audit, compare

OPTIONS = {"attributes": ["group"], "threads": 1, "replicates": 200, "permutations": 199}


def scored(rng: np.random.Generator, y: np.ndarray, distance: float = 1.5) -> np.ndarray:
    """Probabilities whose log-odds are apart by ``distance``."""
    return 1 / (1 + np.exp(distance / 2 - distance * y - rng.normal(size=y.shape)))


def p_of(table: pd.DataFrame, metric: str, finding: str, group: str = "") -> float:
    """The p-value of a row."""
    row = table[(table["metric"] == metric) & (table["finding"] == finding) & (table["group"] == group)]
    return float(row[row["attribute"] == "group"].iloc[0]["p_value"])


def other_findings(rng: np.random.Generator) -> dict[str, float]:
    """Ten findings, each frequent in one group and rare in the other, in 600 patients."""
    code, half = rng.integers(0, 2, 600), np.arange(10) < 5
    y = (rng.random((600, 10)) < np.where(half == (code[:, None] == 0), 0.45, 0.08)).astype(int)
    s = scored(rng, y)
    columns = {f"label_f{f}": y[:, f] for f in range(10)} | {f"score_f{f}": s[:, f] for f in range(10)}
    table = audit(
        pd.DataFrame({"group": np.array(["A", "B"])[code], **columns}), threshold=0.5, **OPTIONS
    ).table
    what = "mean over ten findings that groups have in other shares"
    return {
        f"{what}: {m}": p_of(table, m, "mean") for m in ("auc_gap", "equalized_odds_difference", "ece_gap")
    }


def other_numbers_of_images(rng: np.random.Generator) -> dict[str, float]:
    """One or eight images of a patient: mostly one in the group of 60 patients, mostly eight in that of 300."""
    images = np.concatenate([rng.choice([1, 8], 60, p=[0.9, 0.1]), rng.choice([1, 8], 300, p=[0.1, 0.9])])
    patient, y = np.repeat(np.arange(360), images), rng.integers(0, 2, 360)
    own, shared = rng.normal(size=patient.size), rng.normal(size=360)[patient]
    z = 0.32 * own + 0.95 * shared + 1.2 * y[patient] - 0.6
    frame = {"patient_id": patient, "label": y[patient], "score": 1 / (1 + np.exp(-z))}
    frame["group"] = np.where(patient < 60, "A", "B")
    table = audit(pd.DataFrame(frame), threshold=0.5, **OPTIONS).table
    what = "groups with other numbers of images a patient"
    return {f"{what}: {m}": p_of(table, m, "label") for m in ("auc_gap", "equalized_odds_difference")}


def other_accuracy(rng: np.random.Generator) -> dict[str, float]:
    """Five groups of 100; the second model separates far less."""
    y = rng.integers(0, 2, 500)
    frame = pd.DataFrame({"image_id": np.arange(500), "label": y, "group": np.repeat(list("ABCDE"), 100)})
    models = {name: frame.assign(score=scored(rng, y, d)) for name, d in (("a", 2.5), ("b", 0.5))}
    table = compare(models, threshold=0.5, **OPTIONS).table
    what = "two models of other accuracy, change of"
    return {f"{what} {m}": p_of(table, m, "label") for m in ("auc_gap", "equalized_odds_difference")}


def calibrated(rng: np.random.Generator) -> dict[str, float]:
    """Perfectly calibrated scores of 1,000 and of 100 patients."""
    score = rng.beta(2, 2, 1100)
    frame = pd.DataFrame({"label": (rng.random(1100) < score).astype(int), "score": score})
    frame["group"] = np.repeat(["A", "B"], [1000, 100])
    table = audit(frame, **OPTIONS).table
    what = "calibrated scores of groups of other sizes"
    return {
        f"{what}: ece_difference": p_of(table, "ece_difference", "label", "A-B"),
        f"{what}: ece_gap": p_of(table, "ece_gap", "label"),
    }


def few_called(rng: np.random.Generator) -> dict[str, float]:
    """One in twenty called positive of 300 and of 30 healthy patients, once with one image each and once with two."""
    y = np.repeat([0, 1, 0, 1], [300, 100, 30, 10])
    frame = pd.DataFrame(
        {"patient_id": np.arange(440), "group": np.repeat(["A", "B"], [400, 40]), "label": y}
    )
    out = {}
    for images, what in ((1, "one image a patient"), (2, "two images a patient")):
        table = pd.concat([frame] * images, ignore_index=True)
        called = rng.random(len(table)) < np.where(table["label"] == 1, 0.7, 0.05)
        rows = audit(table.assign(score=np.where(called, 0.7, 0.2)), threshold=0.5, **OPTIONS).table
        out[f"specificity .95, 300 and 30 healthy patients, {what}: fpr_difference"] = p_of(
            rows, "fpr_difference", "label", "A-B"
        )
    return out


def few_positives(rng: np.random.Generator) -> dict[str, float]:
    """Whether the interval of the AUC of a group of 200 with few positive patients misses the truth (0 or 1)."""
    out = {}
    for positives in (3, 5, 10, 20):
        y = np.repeat([1, 0, 1, 0], [positives, 200 - positives, 150, 150])
        frame = {"label": y, "score": scored(rng, y, 1.5), "group": np.repeat(["A", "B"], [200, 300])}
        table = audit(pd.DataFrame(frame), **OPTIONS | {"permutations": 0}).table
        row = table[
            (table["metric"] == "auc") & (table["group"] == "A") & (table["finding"] == "label")
        ].iloc[0]
        truth = NormalDist().cdf(1.5 / np.sqrt(2))
        out[f"interval of an AUC of {positives} positive patients"] = float(
            row["ci_low"] <= truth <= row["ci_high"]
        )
    return out


def one(seed: int) -> dict[str, float]:
    """Every case once."""
    cases = (other_findings, other_numbers_of_images, other_accuracy, calibrated, few_positives, few_called)
    out = {}
    for k, case in enumerate(cases):
        out |= case(np.random.default_rng([seed, k]))
    return out


def text(results: pd.DataFrame) -> str:
    """Shares of small p-values and coverage as Markdown."""
    lines = [
        f"{len(results):,} simulated tables a case.",
        "",
        "| p-value where nothing is unfair | share <= .05 | <= .10 |",
        "| --- | --- | --- |",
    ]
    for name in (n for n in results.columns if not n.startswith("interval")):
        shares = [f"{(results[name] <= bound).mean():.3f}" for bound in (0.05, 0.10)]
        lines.append(f"| {name} | {' | '.join(shares)} |")
    lines += ["", "| 95 % interval, group of 200 patients | covers the truth |", "| --- | --- |"]
    for name in (n for n in results.columns if n.startswith("interval")):
        lines.append(f"| {name.removeprefix('interval of an ')} | {results[name].mean():.1%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    simulate(one, text, block="nulls", about=__doc__, simulations=500, chunk=5)
