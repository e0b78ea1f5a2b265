"""Sweeps without training: work that is made up, done in this process."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from adfair.auditing.rows import COLUMNS, row
from adfair.workflows import sweep_jobs, sweep_results, sweep_work
from adfair.workflows.demo import result_folder
from adfair.workflows.processes import Job
from adfair.workflows.sweep_run import Run

METRICS = (
    ("auc", ""),
    ("worst_group_auc", "race"),
    ("es_auc", "race"),
    ("equalized_odds_difference", "race"),
)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are done in this process, one after the other."""

    def run_jobs(jobs: Mapping[str, Job], *, ended: Callable[[str, int], None], **_: object) -> None:
        waiting = dict(jobs)
        while waiting:
            name = next(name for name, job in waiting.items() if job.after not in waiting)
            job = waiting.pop(name)
            job.target(*job.arguments)
            ended(name, 0)

    monkeypatch.setattr(sweep_jobs, "run_jobs", run_jobs)
    monkeypatch.setattr(sweep_jobs, "worker_context", lambda: None)


@pytest.fixture
def made(here: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs that take no time and have figures of their own; gives the names of those that were made."""
    names: list[str] = []

    def make(run: Run) -> None:
        names.append(run.name)
        (run.folder / "model").mkdir(parents=True)
        (run.folder / "config.yaml").write_text(run.config.to_yaml())
        os.replace(run.folder / "config.yaml", run.folder / "config.yaml")  # a place to be killed at

    def evaluate(run: Run) -> None:
        rng = np.random.default_rng([ord(c) for c in run.name])
        for test_set in run.test_sets:
            folder = result_folder(run.folder.parent, run.folder.name, test_set)
            folder.mkdir(exist_ok=True)
            rows = [
                row(metric, "mean", name, figures={"value": rng.uniform(0.5, 1)}) for metric, name in METRICS
            ]
            pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(folder / "metrics.csv", index=False)
            os.replace(folder / "metrics.csv", folder / "metrics.csv")

    # The page carries plotly's five megabytes; other tests look at it.
    monkeypatch.setattr(sweep_results, "frontier_page", lambda table, **_: str(len(table)))
    monkeypatch.setattr(sweep_work, "_make", make)
    monkeypatch.setattr(sweep_work, "_evaluate", evaluate)
    return names


@pytest.fixture
def write(tmp_path: Path, small_cohort: Path) -> Callable[..., Path]:
    """Write the file of a sweep of two arms on the small cohort; keyword arguments change its section."""

    def write_file(name: str = "sweep.yaml", *, steps: int = 5, **section: object) -> Path:
        arms = {"clip": {"objective.fairness": "none"}, "adfair": None}
        whole = {"seeds": [0, 1], "arms": arms, "test_sets": {"test": ["zero_shot"]}} | section
        tree = {"data": {"cohort": str(small_cohort)}, "train": {"steps": steps}, "sweep": whole}
        path = tmp_path / name
        path.write_text(yaml.safe_dump(tree, sort_keys=False))
        return path

    return write_file
