"""Do the 95 % intervals of an audit hold the truth 95 % of the time, and are permutation p-values honest?

Simulates cohorts whose true AUCs are known in closed form: 500 patients with 1 to 4 images, patient effects
in scores and labels, three unequal groups, two models that share the patients. Run it as

    python benchmarks/bench_coverage.py [--simulations 1000] [--docs docs/metrics.md]

and it prints a table; with ``--docs`` it also writes the table into that page.
"""

from statistics import NormalDist

import numpy as np
import pandas as pd
from pages import simulate as command

from adfair.auditing import audit, compare

GROUPS, MIX = ("A", "B", "C"), (0.55, 0.25, 0.20)
UNEQUAL, EQUAL = (1.6, 1.2, 0.9), (1.2, 1.2, 1.2)
SHIFT_B = 0.25
PATIENTS = 500
SPREAD = np.sqrt(0.5 + 1.0)


def true_auc(shift: float) -> float:
    """AUC of positives shifted by ``shift`` when patient effect and noise have variances 0.5 and 1."""
    return NormalDist().cdf(shift / (np.sqrt(2) * SPREAD))


def simulate(seed: int, shifts: tuple[float, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of two models on one simulated cohort; model B separates better by SHIFT_B."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(PATIENTS), rng.integers(1, 5, PATIENTS))
    group = rng.choice(3, PATIENTS, p=MIX)
    positive = rng.random(patient.size) < rng.beta(1.5, 3.5, PATIENTS)[patient]
    effect = rng.normal(0, np.sqrt(0.5), PATIENTS)[patient]
    shift = np.asarray(shifts)[group][patient]
    base = {
        "image_id": np.arange(patient.size),
        "patient_id": patient,
        "label": positive.astype(int),
        "group": np.asarray(GROUPS)[group][patient],
    }
    noise = rng.normal(size=patient.size)
    first = shift * positive + effect + noise
    second = (shift + SHIFT_B) * positive + effect + 0.8 * noise + 0.6 * rng.normal(size=patient.size)
    return pd.DataFrame({**base, "score": first}), pd.DataFrame({**base, "score": second})


def one(seed: int) -> dict[str, float]:
    """Whether each interval held its truth (1 or 0), and the p-values of a cohort without a gap."""
    first, second = simulate(seed, UNEQUAL)
    truth = [true_auc(s) for s in UNEQUAL]
    options = {"attributes": ["group"], "threads": 1, "seed": seed, "replicates": 1000}
    out = {}
    for interval in ("percentile", "bca", "delong"):
        result = audit(first, permutations=0, interval=interval, **options).table
        result = result[result["finding"] == "label"].set_index(["metric", "group"])
        out[f"AUC, everyone, {interval}"] = held(result.loc["auc", ""], np.dot(MIX, truth))
        for k, name in enumerate(GROUPS):
            out[f"AUC, group {name} ({MIX[k]:.0%}), {interval}"] = held(result.loc["auc", name], truth[k])
        for a, b in ((0, 1), (0, 2), (1, 2)):
            row = result.loc["auc_difference", f"{GROUPS[a]}-{GROUPS[b]}"]
            out[f"AUC {GROUPS[a]} - {GROUPS[b]}, {interval}"] = held(row, truth[a] - truth[b])
        if interval == "percentile":
            out["AUC gap of .13 (max - min)"] = held(result.loc["auc_gap", ""], truth[0] - truth[2])
    change = compare({"a": first, "b": second}, **options).table
    change = change[change["finding"] == "label"].set_index(["metric", "group"])
    better = [true_auc(s + SHIFT_B) for s in UNEQUAL]
    out["change of AUC, everyone"] = held(change.loc["auc", ""], np.dot(MIX, np.subtract(better, truth)))
    for k, name in enumerate(GROUPS):
        out[f"change of AUC, group {name}"] = held(change.loc["auc", name], better[k] - truth[k])
    out |= null_p_values(seed)
    return out


def null_p_values(seed: int) -> dict[str, float]:
    """p-values and coverage where all groups are alike."""
    first, _ = simulate(seed + 10**6, EQUAL)
    options = {"attributes": ["group"], "threads": 1, "seed": seed, "replicates": 500, "permutations": 199}
    result = audit(first, threshold=0.6, **options).table
    result = result[result["finding"] == "label"].set_index(["metric", "group"])
    out = {"AUC gap of 0 (max - min)": held(result.loc["auc_gap", ""], 0.0)}
    for name in ("auc_gap", "equalized_odds_difference", "demographic_parity_difference"):
        out[f"p {name}"] = float(result.loc[(name, ""), "p_value"])
    out["observed auc_gap"] = float(result.loc[("auc_gap", ""), "value"])
    out["expected auc_gap"] = float(result.loc[("auc_gap", ""), "expected_by_chance"])
    return out


def held(row: pd.Series, truth: float) -> float:
    """1 when the interval holds the truth, else 0."""
    row = row.iloc[0] if isinstance(row, pd.DataFrame) else row
    return float(row["ci_low"] <= truth <= row["ci_high"])


def tables(results: pd.DataFrame) -> str:
    """Coverage and null p-values as Markdown."""
    count = len(results)
    lines = [f"{count:,} simulated cohorts, {PATIENTS} patients with 1 to 4 images each.", ""]
    lines += ["| 95 % interval of | covers the truth |", "| --- | --- |"]
    skip = ("p ", "observed", "expected")
    for name in (n for n in results.columns if not n.startswith(skip)):
        lines.append(f"| {name} | {results[name].mean():.1%} |")
    lines += ["", "| p-value of groups without any difference | share <= .01 | <= .05 | <= .10 | <= .50 |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for name in (n for n in results.columns if n.startswith("p ")):
        shares = [f"{(results[name] <= bound).mean():.3f}" for bound in (0.01, 0.05, 0.10, 0.50)]
        lines.append(f"| {name[2:]} | {' | '.join(shares)} |")
    seen, expected = results["observed auc_gap"].mean(), results["expected auc_gap"].mean()
    lines += [
        "",
        f"Mean AUC gap without any difference: {seen:.4f}; mean `expected_by_chance`: {expected:.4f}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command(one, tables, block="coverage", about=__doc__, simulations=1000, chunk=10)
