from collections.abc import Callable
from pathlib import Path

import pytest

from adfair.errors import DataError
from adfair.workflows import sweep_jobs
from adfair.workflows.sweep import plan_sweep
from adfair.workflows.sweep_jobs import make_runs

Write = Callable[..., Path]


def test_the_share_counts_runs_and_steps(
    write: Write, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_sweep(write(seeds=[0], steps=4), out=tmp_path / "o")
    shares: list[tuple[str, float]] = []

    def run_jobs(jobs, *, ended, poll=None, **_: object) -> None:  # type: ignore[no-untyped-def]
        if not jobs:
            return
        first, second = plan.runs
        first.folder.mkdir(parents=True)
        (first.folder / "log.jsonl").write_text('{"step": 0}\n{"step": 1}\n')
        poll([first.name, second.name])
        jobs[first.name].target(first)
        ended(first.name, 0)
        ended(second.name, -9)

    monkeypatch.setattr(sweep_jobs, "run_jobs", run_jobs)
    make_runs(plan.runs, workers=1, progress=lambda *event: shares.append(event))
    assert shares == [
        ("", pytest.approx(0.8 * 0.5 / 2)),
        ("small/clip/s0: done", 0.5),
        ("small/adfair/s0: failed: its process was killed by signal 9; out of memory?", 1.0),
    ]


def test_a_cohort_that_could_not_be_drawn_stops_the_sweep(
    write: Write, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_sweep(write(cohorts={"d": {"n_train": 60, "n_test": 60}}), out=tmp_path / "o")
    monkeypatch.setattr(sweep_jobs, "draw_cohort", lambda cohort: None)
    with pytest.raises(DataError, match="could not be drawn"):
        make_runs(plan.runs, workers=1, progress=lambda *event: None)
    assert made == []
