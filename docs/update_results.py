"""Fill the tables of docs/results.md: `make results`, `make remedies`, `make parts`.

python docs/update_results.py [SWEEP...]: names of sweeps, of examples/SWEEP.yaml and runs/SWEEP, all by default. What
each run that has ended says goes into docs/results/SWEEP.csv, one row a figure, in place of what an earlier run of the
same arm, cohort and seed said there. So a sweep of many hours can be made a few seeds at a time, on several days or
machines (`make remedies SEEDS=20,21`). A table shows the seeds of which every run has ended.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from update_readme import ROOT, fill

from adfair.auditing.repeats import Figure, Repeats, over_everyone, summarise
from adfair.reporting.repeats import difference, figure_label, markdown, signed, spread
from adfair.workflows.sweep import plan_sweep
from adfair.workflows.sweep_plan import Plan
from adfair.workflows.sweep_results import collect
from adfair.workflows.sweep_state import failure, state

SWEEPS = ("ablation", "ablation_presets", "remedies", "remedies_unnamed", "auto_parts")
RUN = ["cohort", "arm", "seed"]
KEYS = ["test_set", "metric", "attribute"]
COLUMNS = [*RUN, *KEYS, "value", "note"]
ANSWERS = {"remedies": ("auto", ("clip", "scrubbed_clip")), "remedies_unnamed": ("auto", ("clip",))}
"""Sweeps that are made for one arm: that arm, and what it is compared with in a table above the others."""


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
    table = markdown(summarise(repeats, figures=plan.figures, baseline=plan.baseline)).strip()
    known = f"{len(seeds)} of {len(plan.seeds)} seeds so far ({', '.join(map(str, seeds))})"
    said = f"{known}; what each run gave is in `{source}`."
    name = Path(source).stem
    if name not in ANSWERS:
        return f"{said}\n\n{table}"
    folded = f'<details markdown="1">\n<summary>Every arm and figure</summary>\n\n{table}\n\n</details>'
    return f"{said}\n\n{answer(repeats, plan, *ANSWERS[name])}\n\n{folded}"


def answer(repeats: Repeats, plan: Plan, arm: str, others: Sequence[str]) -> str:
    """How one arm does against others in every population, and in how many it is ahead."""
    main = plan.accuracy.test_set
    auc, gap = plan.accuracy, Figure(main, "equalized_odds_difference", "race")
    figures = [auc, Figure(main, "worst_group_auc", "race"), gap, Figure(main, "leakage_auc", "race")]
    tables = {}
    for other in others:
        found = summarise(repeats, figures=figures, baseline=other)
        tables[other] = found[found["arm"] == arm].set_index(["cohort", "metric"])
    columns = [
        (figure, other)
        for figure in figures[:3]
        for other in others
        if other == others[0] or figure != figures[1]
    ]
    heads = [f"{figure_label(figure, main)}: less {other}" for figure, other in columns]
    lines = []
    for cohort in plan.cohort_names:
        cells = [
            _shown(difference, tables[other].loc[(cohort, f.metric)], "difference") for f, other in columns
        ]
        cells.append(_shown(spread, tables[others[0]].loc[(cohort, "leakage_auc")], "mean"))
        lines.append(f"| {' | '.join([cohort, *cells])} |".replace("_", "\\_"))
    said = [
        _ahead(tables[other].xs(auc.metric, level="metric")["difference"], arm, other) for other in others
    ]
    head = ["population", *heads, "leakage of race"]
    rule = "| --- |" + " ---: |" * (len(heads) + 1)
    return "\n".join([" ".join(said), "", f"| {' | '.join(head)} |".replace("_", "\\_"), rule, *lines])


def _shown(show: Callable[[pd.Series], str], row: pd.Series, value: str) -> str:
    return show(row) if pd.notna(row[value]) else f"undefined: {row['note'].removeprefix('undefined: ')}"


def _ahead(differences: pd.Series, arm: str, other: str) -> str:
    ahead = int((differences > 0).sum())
    span = f"{signed(differences.min())} to {signed(differences.max())}"
    return f"`{arm}` has a higher AUC than `{other}` in {ahead} of {len(differences)} populations ({span})."


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
