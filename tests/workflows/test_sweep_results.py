from collections.abc import Callable
from pathlib import Path

import pandas as pd

from adfair.auditing.rows import COLUMNS
from adfair.workflows.sweep import plan_sweep, sweep
from adfair.workflows.sweep_results import collect

Write = Callable[..., Path]


def test_results_hold_every_cell_as_it_was_written(write: Write, made: list[str], tmp_path: Path) -> None:
    out = tmp_path / "o"
    config = write(test_sets={"test": ["zero_shot"], "test_5x90": ["zero_shot"]})
    sweep(config, out=out)
    results = pd.read_csv(out / "results.csv", dtype=str, keep_default_na=False)
    assert list(results.columns) == ["cohort", "arm", "seed", "test_set", *COLUMNS]
    order = list(dict.fromkeys(zip(results["arm"], results["seed"], results["test_set"], strict=True)))
    assert order == [(a, s, t) for a in ("clip", "adfair") for s in "01" for t in ("test", "test_5x90")]
    run = out / "runs" / "small" / "adfair" / "s1"
    for test_set, file in (("test", "metrics.csv"), ("test_5x90", "test_5x90/metrics.csv")):
        own = results[
            (results["arm"] == "adfair") & (results["seed"] == "1") & (results["test_set"] == test_set)
        ]
        written = pd.read_csv(run / file, dtype=str, keep_default_na=False)
        assert own[list(COLUMNS)].reset_index(drop=True).equals(written)
    table = pd.read_csv(out / "table.csv")
    mean = results[
        (results["arm"] == "clip") & (results["metric"] == "auc") & (results["test_set"] == "test")
    ]
    cell = table[(table["arm"] == "clip") & (table["metric"] == "auc") & (table["test_set"] == "test")]
    assert abs(cell["mean"].item() - mean["value"].astype(float).mean()) < 1e-15


def test_nothing_finished_is_an_empty_table_with_its_columns(write: Write, tmp_path: Path) -> None:
    plan = plan_sweep(write(), out=tmp_path / "o")
    found = collect(plan, {run.name: "no result" for run in plan.runs})
    assert list(found.columns) == ["cohort", "arm", "seed", "test_set", *COLUMNS]
    assert found.empty
