"""CLIP, AdFair-CLIP and what ``auto`` takes, on real chest X-rays, by patient-grouped cross-validation.

    python examples/cxr_pack.py --pack PACK --out runs

``natural`` trains on the images as they are. ``planted`` thins the training images until 80 % of them follow a
shortcut (PA view with pneumonia, AP view without); other patients' images then tell, re-weighted, what a model
is worth where the shortcut is absent (balanced) or points the other way (reversed: 10 % follow it).
Do not read the AUC as the quality of pneumonia detection: the README says why.
"""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.errors import AdfairError

FINDING, ATTRIBUTE, HERE = "Pneumonia", "view", Path(__file__).parent
ARMS = {
    "clip": ["objective.fairness=none"],
    "adfair": ["objective.fairness=adversarial", "objective.adversary_weight=1.25"],
    "auto": ["objective.fairness=auto"],
}
EXPERIMENTS = {
    "natural": {"config": "cxr_pack.yaml", "folds": 5, "seeds": (0,), "aligned": None},
    "planted": {"config": "cxr_pack_planted.yaml", "folds": 4, "seeds": (0, 1), "aligned": 0.8},
}


def follows(table: pd.DataFrame) -> np.ndarray:
    """Which images follow the shortcut."""
    return ((table[FINDING].astype(float) == 1) == (table[ATTRIBUTE] == "PA")).to_numpy()


def thin(table: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Drop images against (or along) the shortcut until ``share`` of the rest follow it."""
    along, against = np.flatnonzero(follows(table)), np.flatnonzero(~follows(table))
    if len(along) / len(table) < share:
        against = rng.permutation(against)[: round(len(along) * (1 - share) / share)]
    else:
        along = rng.permutation(along)[: round(len(against) * share / (1 - share))]
    return table.iloc[np.sort(np.r_[along, against])]


def fold_cohort(
    source: Path, folder: Path, *, folds: int, fold: int, seed: int, aligned: float | None
) -> None:
    """One fold as a cohort of its own: test patients of this fold, an eighth of the others for validation."""
    from sklearn.model_selection import StratifiedGroupKFold

    from adfair.data.manifest import load_cohort, write_cohort

    cohort, rng = load_cohort(source), np.random.default_rng([seed, fold])
    table, patients = cohort.table, cohort.table["patient_id"]
    cutter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    test = list(cutter.split(table, table[FINDING].astype(int), patients))[fold][1]
    others = np.setdiff1d(np.arange(len(table)), test)
    held = rng.permutation(patients.iloc[others].unique())
    held = held[: len(held) // 8]
    split = pd.Series("train", index=table.index).mask(patients.isin(held), "val")
    split.iloc[test] = "test"
    parts = [table[split == name].assign(split=name) for name in ("train", "val", "test")]
    if aligned is not None:
        parts[:2] = [thin(part, aligned, rng) for part in parts[:2]]
    info = cohort.info.model_copy(
        update={"splits": ["train", "val", "test"], "image_root": str(cohort.image_root.resolve())}
    )
    write_cohort(folder, info, pd.concat(parts, ignore_index=True))


def weighted_auc(part: pd.DataFrame, share: float) -> float:
    """AUC with test images re-weighted so that ``share`` of each class follow the shortcut."""
    from sklearn.metrics import roc_auc_score

    label, along = (
        part["label"].to_numpy(int),
        (part["label"] == 1).to_numpy() == (part[ATTRIBUTE] == "PA").to_numpy(),
    )
    weight = np.ones(len(part))
    for y in (0, 1):
        for side, mass in ((True, share), (False, 1 - share)):
            cell = (label == y) & (along == side)
            weight[cell] = mass / max(cell.sum(), 1)
    return float(roc_auc_score(label, part["score"], sample_weight=weight))


def figures(predictions: pd.DataFrame, validation: pd.DataFrame) -> tuple[dict[str, float], float]:
    """The figures of one fold, and the threshold they used."""
    from adfair.auditing import audit

    found = audit(
        predictions, attributes=[ATTRIBUTE, "sex"], strata=[ATTRIBUTE], validation=validation, replicates=0
    )
    rows = found.table
    within = rows[(rows["metric"] == "auc") & (rows["stratum"] != "") & (rows["attribute"] == "")]["value"]
    return {
        "auc": found.value("auc", finding=FINDING),
        "auc_within_view": float(within.mean()),
        "auc_balanced": weighted_auc(predictions, 0.5),
        "auc_reversed": weighted_auc(predictions, 0.1),
        "deodds_view": found.value("equalized_odds_difference", finding=FINDING, attribute=ATTRIBUTE),
        "deodds_sex": found.value("equalized_odds_difference", finding=FINDING, attribute="sex"),
    }, found.value("threshold", finding=FINDING)


def run_fold(job: dict) -> tuple[dict, pd.DataFrame]:
    """Train and evaluate one arm on one fold."""
    import torch

    from adfair.config import load_config
    from adfair.data.manifest import load_cohort
    from adfair.evaluation.subject import Subject
    from adfair.models.dual_encoder import load_model
    from adfair.training import train

    torch.set_num_threads(1)
    data = job["data"]
    run = data.with_name(f"{data.name}-{job['arm']}")
    overrides = [f"data.cohort={data}", f"seed={job['seed']}", *ARMS[job["arm"]], *job["set"]]
    train(load_config(HERE / job["config"], overrides), out=run, force=True)
    subject = Subject(load_model(run / "model"), load_cohort(data))
    test, val = (subject.predictions(s).query("finding == @FINDING") for s in ("test", "val"))
    result, threshold = figures(test, val)
    # Centred on the fold's own threshold, so that folds can be pooled for the report.
    pooled = test.assign(score=test["score"] - threshold)
    return {"arm": job["arm"], "seed": job["seed"], "fold": job["fold"], **result}, pooled


def write_results(name: str, out: Path, results: list[tuple[dict, pd.DataFrame]]) -> None:
    """Fold table, means, paired differences; a comparison and a page of the pooled first repetition."""
    from adfair.auditing import audit
    from adfair.reporting import report

    folds = pd.DataFrame([row for row, _ in results]).sort_values(["seed", "fold", "arm"])
    folds.to_csv(out / "folds.csv", index=False)
    values = folds.set_index(["seed", "fold", "arm"])
    clip, remedies = values.xs("clip", level="arm"), [arm for arm in ARMS if arm != "clip"]
    table = pd.concat({arm: values.xs(arm, level="arm").agg(["mean", "std"]).T for arm in ARMS}, axis=1)
    for arm in remedies:
        table[(f"{arm} - clip", "mean")] = (values.xs(arm, level="arm") - clip).mean()
    print(f"\n{name}: mean and standard deviation over {len(clip)} folds\n{table.round(3).to_string()}")
    parts = []
    for arm in ARMS:
        pooled = pd.concat([p for row, p in results if row["arm"] == arm and row["seed"] == 0])
        (out / arm).mkdir(exist_ok=True)
        pooled.to_csv(out / arm / "predictions.csv", index=False)
        found = audit(
            pooled, attributes=[ATTRIBUTE, "sex"], strata=[ATTRIBUTE], threshold=0.0, replicates=1000
        )
        found.table.to_csv(out / arm / "metrics.csv", index=False)
        parts.append(found.table.assign(model=arm, test_set="test"))
    everything = pd.concat(parts)
    everything[["model", "test_set", *parts[0].columns[:-2]]].to_csv(out / "comparison.csv", index=False)
    print("report:", report([out], out=out / "report.html", title=f"Real chest X-rays, {name}"))


def main() -> None:
    """Import the pack, run the experiments, write their reports."""
    from adfair.data.readers.table import import_table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True, help="folder with manifest.csv and images/")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--experiment", choices=[*EXPERIMENTS, "both"], default="both")
    parser.add_argument("--folds", type=int, help="run only the first so many folds")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE for every run")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    cohort = args.out / "cxr_pack_cohort"
    mapping = HERE / "mappings" / "cxr_pack_nih.yaml"
    import_table(args.pack / "manifest.csv", out=cohort, mapping=mapping, force=True)
    for name in EXPERIMENTS if args.experiment == "both" else [args.experiment]:
        plan, out = EXPERIMENTS[name], args.out / f"cxr_pack_{name}"
        out.mkdir(parents=True, exist_ok=True)
        jobs = []
        for seed in plan["seeds"]:
            for fold in range(args.folds or plan["folds"]):
                data = out / f"seed{seed}-fold{fold}"
                cut = {"folds": plan["folds"], "fold": fold, "seed": seed, "aligned": plan["aligned"]}
                fold_cohort(cohort, data, **cut)
                shared = {"config": plan["config"], "seed": seed, "fold": fold, "data": data, "set": args.set}
                jobs += [{**shared, "arm": arm} for arm in ARMS]
        with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
            results = list(pool.map(run_fold, jobs))
        write_results(name, out, results)


if __name__ == "__main__":
    try:
        main()
    except AdfairError as error:
        sys.exit(f"error: {error}")
