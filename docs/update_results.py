"""Fill the tables of docs/results.md: `make results`, `make remedies`.

python docs/update_results.py [SWEEP...]: names of sweeps, of examples/SWEEP.yaml and runs/SWEEP, all by default. What
each run that has ended says goes into docs/results/SWEEP.csv, one row a figure, in place of what an earlier run of the
same arm, cohort and seed said there. So a sweep of many hours can be made a few seeds at a time, on several days or
machines (`make remedies SEEDS=20,21`). A table shows the seeds of which every run has ended.
"""

import sys
from pathlib import Path

import pandas as pd
from update_readme import ROOT, fill

from adfair.auditing.repeats import Repeats, over_everyone, summarise
from adfair.reporting.repeats import markdown
from adfair.workflows.sweep import plan_sweep
from adfair.workflows.sweep_plan import Plan
from adfair.workflows.sweep_results import collect
from adfair.workflows.sweep_state import failure, state

SWEEPS = ("ablation", "ablation_presets", "remedies", "remedies_unnamed")
RUN = ["cohort", "arm", "seed"]
KEYS = ["test_set", "metric", "attribute"]
COLUMNS = [*RUN, *KEYS, "value", "note"]


def rows_of(plan: Plan) -> pd.DataFrame:
    """The figures of the runs that have ended, text as it was written; one row with the reason for a failed run."""
    failures = {run.name: failure(run) or "" for run in plan.runs if state(run) != "finished"}
    table = over_everyone(collect(plan, failures))
    wanted = pd.MultiIndex.from_tuples([tuple(vars(figure).values()) for figure in plan.figures])
    table = table[pd.MultiIndex.from_frame(table[KEYS]).isin(wanted)]
    failed = [
        {"cohort": run.cohort, "arm": run.arm, "seed": str(run.seed), "note": failures[run.name]}
        for run in plan.runs
        if failures.get(run.name)
    ]
    return pd.concat([table, pd.DataFrame(failed)], ignore_index=True).reindex(columns=COLUMNS).fillna("")


def merged(old: pd.DataFrame, new: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """New rows, and the old ones of runs that the new ones do not tell of, in the order of the plan."""
    again = pd.MultiIndex.from_frame(old[RUN]).isin(pd.MultiIndex.from_frame(new[RUN]))
    rows = pd.concat([old[~again], new], ignore_index=True)
    order = {"cohort": list(plan.cohort_names), "arm": list(plan.arm_names)}
    ranks = pd.DataFrame(
        {key: rows[key].map(order[key].index) for key in order} | {"seed": rows["seed"].astype(int)}
    )
    return rows.loc[ranks.sort_values(["seed", "cohort", "arm"], kind="stable").index].reset_index(drop=True)


def complete_seeds(rows: pd.DataFrame, plan: Plan) -> list[int]:
    """Seeds of which every arm on every cohort has ended."""
    runs = rows[RUN].drop_duplicates().groupby("seed").size()
    every = len(plan.cohort_names) * len(plan.arm_names)
    return sorted(int(seed) for seed, count in runs.items() if count == every)


def table_of(rows: pd.DataFrame, plan: Plan, source: str) -> str | None:
    """The table of a sweep and the seeds that it holds; ``None`` while no seed is complete."""
    seeds = complete_seeds(rows, plan)
    if not seeds:
        return None
    failed = rows[rows["metric"] == ""]
    repeats = Repeats(
        metrics=rows[rows["metric"] != ""].assign(finding="", group="", stratum=""),
        cohorts=plan.cohort_names,
        arms=plan.arm_names,
        seeds=seeds,
        failures={(r.cohort, r.arm, int(r.seed)): r.note for r in failed.itertuples()},
    )
    table = markdown(summarise(repeats, figures=plan.figures, baseline=plan.baseline))
    said = f"Seeds {', '.join(map(str, seeds))}; what each run gave is in `{source}`."
    return f"{said}\n\n{table.strip()}"


def update(root: Path, names: tuple[str, ...] | list[str]) -> list[str]:
    """Record the runs of each sweep and write its table; returns the sweeps whose table was left as it was."""
    page, left = root / "docs" / "results.md", []
    text = page.read_text(encoding="utf-8")
    for name in names:
        plan = plan_sweep(root / "examples" / f"{name}.yaml", out=root / "runs" / name)
        store = root / "docs" / "results" / f"{name}.csv"
        rows = rows_of(plan)
        if store.is_file():
            rows = merged(pd.read_csv(store, dtype=str, keep_default_na=False), rows, plan)
        if len(rows):
            store.parent.mkdir(exist_ok=True)
            rows.to_csv(store, index=False)
        if table := table_of(rows, plan, str(store.relative_to(root))):
            text = fill(text, f"{name.replace('_', '-')}-table", table)
        else:
            left.append(name)
    page.write_text(text, encoding="utf-8")
    return left


if __name__ == "__main__":
    unfinished = update(ROOT, sys.argv[1:] or SWEEPS)
    for name in unfinished:
        print(f"{name}: no seed of which every run has ended; its table is left as it was", file=sys.stderr)
    sys.exit(1 if unfinished else 0)
