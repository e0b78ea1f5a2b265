"""The tables and the page of a sweep, from the folders of its runs."""

from collections.abc import Mapping

import pandas as pd

from adfair.auditing.repeats import Repeats, summarise
from adfair.auditing.rows import COLUMNS
from adfair.data.staging import replace_file
from adfair.reporting.frontier import frontier_page
from adfair.reporting.repeats import latex, markdown
from adfair.workflows.demo import result_folder
from adfair.workflows.sweep_plan import Plan

TABLES = ("results.csv", "table.csv", "table.md", "table.tex", "frontier.html")


def collect(plan: Plan, failures: Mapping[str, str]) -> pd.DataFrame:
    """All metrics of all finished runs as text, ``cohort, arm, seed, test_set`` in front; ordered as the plan."""
    names = {"cohort": plan.cohort_names, "arm": plan.arm_names, "seed": plan.seeds}
    parts = [pd.DataFrame(columns=[*names, "test_set", *COLUMNS])]
    runs = [run for run in plan.runs if run.name not in failures]
    for run in sorted(runs, key=lambda run: [where.index(getattr(run, key)) for key, where in names.items()]):
        for test_set in run.test_sets:
            folder = result_folder(run.folder.parent, run.folder.name, test_set)
            # Text stays as it was written: no digit is lost, and a group may be called NA.
            table = pd.read_csv(folder / "metrics.csv", dtype=str, keep_default_na=False)
            own = {"cohort": run.cohort, "arm": run.arm, "seed": str(run.seed), "test_set": test_set}
            parts.append(pd.DataFrame({**own, **table}, index=table.index))
    return pd.concat(parts, ignore_index=True)


def write_tables(plan: Plan, failures: Mapping[str, str]) -> pd.DataFrame:
    """Write every file of ``TABLES`` and return the summary that ``table.csv`` holds."""
    metrics = collect(plan, failures)
    repeats = Repeats(
        metrics=metrics,
        cohorts=plan.cohort_names,
        arms=plan.arm_names,
        seeds=plan.seeds,
        failures={
            (run.cohort, run.arm, run.seed): failures[run.name] for run in plan.runs if run.name in failures
        },
    )
    table = summarise(repeats, figures=plan.figures, baseline=plan.baseline)
    trade_offs = summarise(repeats, figures=[plan.accuracy, *plan.costs], baseline=plan.baseline)
    contents = {
        "results.csv": metrics.to_csv(index=False),
        "table.csv": table.to_csv(index=False),
        "table.md": markdown(table),
        "table.tex": latex(table),
        "frontier.html": frontier_page(trade_offs, accuracy=plan.accuracy, costs=plan.costs),
    }
    for name in TABLES:
        replace_file(plan.out / name, contents[name].encode())
    return table
