"""Whole sweeps on made-up work: what is kept, redone, refused, and what a kill leaves."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from adfair.errors import DataError
from adfair.workflows.sweep import describe, plan_sweep, sweep
from adfair.workflows.sweep_results import TABLES

Write = Callable[..., Path]
ALL = ["small/clip/s0", "small/adfair/s0", "small/clip/s1", "small/adfair/s1"]


def tables(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in TABLES}


def test_a_finished_sweep_is_kept(write: Write, made: list[str], tmp_path: Path) -> None:
    out, config = tmp_path / "o", write()
    first = sweep(config, out=out)
    assert made == ALL
    assert first.failures == {}
    before = tables(out)
    assert sweep(config, out=out).table.equals(first.table)
    assert made == ALL
    assert tables(out) == before


def test_more_seeds_and_arms_add_runs(write: Write, made: list[str], tmp_path: Path) -> None:
    out = tmp_path / "o"
    sweep(write(seeds=[0]), out=out)
    found = sweep(write(seeds=[0, 1]), out=out)
    assert sorted(made) == sorted(ALL)
    assert set(found.table["n"]) == {2}


def test_a_run_with_other_settings_is_refused_by_key_or_forced(
    write: Write, made: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "o"
    sweep(write(), out=out)
    changed = write(steps=9)
    with pytest.raises(DataError, match=r"3 further runs.*train\.steps \(there 5, now 9\)\. .*--force"):
        sweep(changed, out=out)
    with pytest.raises(DataError, match="--force"):
        describe(plan_sweep(changed, out=out))
    assert describe(plan_sweep(changed, out=out), force=True).count("replace") == 4
    assert made == ALL
    sweep(changed, out=out, force=True)
    assert made == ALL * 2
    sweep(changed, out=out)
    assert made == ALL * 2


def test_an_unfinished_run_is_made_again_from_the_start(
    write: Write, made: list[str], tmp_path: Path
) -> None:
    out, config = tmp_path / "o", write()
    sweep(config, out=out)
    before = tables(out)
    run = out / "runs" / "small" / "adfair" / "s0"
    (run / "done.json").unlink()
    (run / "left-over").touch()
    assert describe(plan_sweep(config, out=out)).splitlines()[1] == "  again  small/adfair/s0"
    sweep(config, out=out)
    assert made == [*ALL, "small/adfair/s0"]
    assert not (run / "left-over").exists()
    assert tables(out) == before


class Killed(BaseException):
    pass


def test_a_kill_at_any_write_changes_nothing_in_the_end(
    write: Write, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write()
    sweep(config, out=tmp_path / "whole")
    replace, rmtree, left = os.replace, shutil.rmtree, [0]

    def tick() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    monkeypatch.setattr(os, "replace", lambda a, b: (tick(), replace(a, b)))
    monkeypatch.setattr(shutil, "rmtree", lambda folder, **more: (tick(), rmtree(folder, **more)))
    kills = 0
    for n in range(1, 100):
        out, left[0] = tmp_path / f"o{n}", n
        try:
            sweep(config, out=out)
            break
        except Killed:
            kills += 1
            sweep(config, out=out)
        assert tables(out) == tables(tmp_path / "whole")
    # Four runs with at least three writes each, the file and five tables.
    assert kills >= 18


def test_a_failure_is_in_the_table_and_tried_again(
    write: Write, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adfair.errors import TrainingError
    from adfair.workflows import sweep_work

    make, out, config = sweep_work._make, tmp_path / "o", write()

    def diverge(run) -> None:  # type: ignore[no-untyped-def]
        make(run)
        if run.name == "small/adfair/s1":
            raise TrainingError("step 4: the contrastive term is nan")

    monkeypatch.setattr(sweep_work, "_make", diverge)
    messages: list[str] = []
    found = sweep(config, out=out, progress=lambda message, share: messages.append(message))
    assert found.failures == {"small/adfair/s1": "step 4: the contrastive term is nan"}
    assert messages[-1] == "small/adfair/s1: failed: step 4: the contrastive term is nan"
    assert "undefined: seed 1: step 4: the contrastive term is nan" in (out / "table.md").read_text()
    monkeypatch.setattr(sweep_work, "_make", make)
    assert sweep(config, out=out).failures == {}
    assert made == [*ALL, "small/adfair/s1"]


def test_a_folder_of_something_else_and_a_sweep_that_is_running_are_refused(
    write: Write, made: list[str], tmp_path: Path
) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    for out in (tmp_path / "other", tmp_path / "other" / "thesis.txt"):
        with pytest.raises(DataError, match="not a sweep"):
            sweep(write(), out=out)
    sweep(write(), out=tmp_path / "o")
    with (tmp_path / "o" / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="is running there"):
            sweep(write(), out=tmp_path / "o")


def test_a_sweep_yaml_of_the_users_is_never_written_over(
    write: Write, made: list[str], tmp_path: Path
) -> None:
    config = write("sweep.yaml")
    (tmp_path / "results.csv").write_text("mine")
    (tmp_path / "runs" / "cohort").mkdir(parents=True)
    before = config.read_bytes()
    for file in (config, write("other.yaml")):
        with pytest.raises(DataError, match="is not a sweep"):
            sweep(file, out=tmp_path)
        with pytest.raises(DataError, match="is not a sweep"):
            describe(plan_sweep(file, out=tmp_path))
    assert config.read_bytes() == before
    assert (tmp_path / "results.csv").read_text() == "mine"
    assert not (tmp_path / ".lock").exists()


def test_a_sweep_goes_on_from_its_own_file_also_where_it_was_copied(
    write: Write, made: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "o"
    sweep(write(), out=out)
    before = tables(out)
    sweep(out / "sweep.yaml", out=out)
    (out / ".lock").unlink()
    sweep(out / "sweep.yaml", out=out)
    assert made == ALL
    assert tables(out) == before


def test_models_that_were_dropped_are_made_again_with_force_only(
    write: Write, made: list[str], tmp_path: Path
) -> None:
    out, config, told = tmp_path / "o", write(), "4 finished runs have no model/"
    sweep(config, out=out)
    said: list[str] = []
    sweep(config, out=out, keep_models=True, progress=lambda message, share: said.append(message))
    assert made == ALL
    assert any(told in message and "--force" in message for message in said)
    plan = plan_sweep(config, out=out, keep_models=True)
    assert told in describe(plan)
    assert describe(plan, force=True).count("again") == 4
    sweep(config, out=out, keep_models=True, force=True)
    assert made == ALL * 2
    assert told not in describe(plan)
    assert (out / "runs" / "small" / "clip" / "s0" / "model").is_dir()


def test_cohorts_are_drawn_once_a_seed_and_refused_when_they_change(
    write: Write, made: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "o"
    config = write(cohorts={"d": {"n_train": 60, "n_test": 60}}, seeds=[3])
    sweep(config, out=out)
    image = out / "cohorts" / "d-s3" / "images" / "train" / "train-00000.png"
    drawn = image.stat().st_mtime_ns
    (out / "runs" / "d" / "clip" / "s3" / "done.json").unlink()
    sweep(config, out=out)
    assert image.stat().st_mtime_ns == drawn
    other = write(cohorts={"d": {"n_train": 61, "n_test": 60}}, seeds=[3])
    with pytest.raises(DataError, match=r"another cohort is there: n_train \(there 60, now 61\)"):
        sweep(other, out=out)
    sweep(other, out=out, force=True)
    assert len(list((out / "cohorts" / "d-s3" / "images" / "train").iterdir())) == 61
    assert made == ["d/clip/s3", "d/adfair/s3", "d/clip/s3", "d/clip/s3", "d/adfair/s3"]


CONFIG = """
data: {batch_size: 16}
train: {steps: 2, warmup: 0}
sweep:
  seeds: [1]
  replicates: 20
  cohorts: {d: {n_train: 60, n_test: 60}}
  arms:
    clip: {objective.fairness: none}
    broken: {objective.fairness: none, train.lr: 1.0e+30}
  test_sets: {test: [zero_shot]}
"""


def test_the_command_trains_in_processes_of_its_own(tmp_path: Path, here: None) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    out = tmp_path / "o"
    command = [sys.executable, "-m", "adfair", "sweep", str(tmp_path / "c.yaml"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 1, done.stderr
    assert "d/clip/s1: done" in done.stderr
    assert "d/broken/s1: failed: step 1" in done.stderr
    assert "undefined (1)" in done.stdout
    run = out / "runs" / "d" / "clip" / "s1"
    kept = {"config.yaml", "done.json", "environment.json", "log.jsonl", "metrics.csv", "predictions.csv"}
    assert {path.name for path in run.iterdir()} == kept
    table = pd.read_csv(out / "table.csv", keep_default_na=False)
    assert table.loc[table["arm"] == "broken", "note"].str.startswith("undefined: step 1: ").all()
    assert (out / "frontier.html").stat().st_size > 1e6
    # Alone in this process, the same bits.
    import torch

    threads = torch.get_num_threads()
    try:
        sweep(tmp_path / "c.yaml", out=tmp_path / "alone")
    finally:
        torch.set_num_threads(threads)
    alone = tmp_path / "alone" / "runs" / "d" / "clip" / "s1"
    assert (alone / "metrics.csv").read_bytes() == (run / "metrics.csv").read_bytes()
    assert json.loads((alone / "done.json").read_text())["config_hash"]
