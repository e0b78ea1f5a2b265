"""``sweep``: arms x cohorts x seeds, each run once whatever stops it, and what they say together."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from adfair.config import with_overrides
from adfair.data.staging import replace_file
from adfair.errors import DataError
from adfair.workflows.sweep_cohort import TEST_SETS
from adfair.workflows.sweep_file import parse_grid, parse_section, read_sweep_file, require_no_seed
from adfair.workflows.sweep_jobs import Progress, make_runs
from adfair.workflows.sweep_plan import Plan, make_plan
from adfair.workflows.sweep_results import TABLES, write_tables
from adfair.workflows.sweep_state import DONE_FILE, FAILED_FILE, failure, lacking_models, pending, state

SWEEP_FILE, _LOCK_FILE = "sweep.yaml", ".lock"


@dataclass(frozen=True)
class Sweep:
    """A finished sweep.

    Attributes:
        folder: with ``table.csv``, ``table.md``, ``table.tex``, ``results.csv`` and ``frontier.html``.
        table: the content of ``table.csv``, see ``adfair.auditing.repeats.summarise``.
        failures: run -> why it has no result.
    """

    folder: Path
    table: pd.DataFrame
    failures: Mapping[str, str]


def plan_sweep(
    config: Path | str,
    *,
    out: Path | str,
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: Sequence[int] | None = None,
    baseline: str | None = None,
    test_sets: Sequence[str] | None = None,
    figures: Sequence[str] | None = None,
    replicates: int | None = None,
    keep_models: bool = False,
    overrides: Sequence[str] = (),
) -> Plan:
    """Read and check a sweep without making it; the arguments are those of ``sweep``."""
    tree, section = read_sweep_file(config)
    require_no_seed(tree, overrides, seeds=seeds or section.get("seeds"), source=str(config))
    given = {"seeds": seeds, "baseline": baseline, "figures": figures, "replicates": replicates}
    section |= {key: value for key, value in given.items() if value is not None}
    if grid:
        section["arms"] = parse_grid({key: list(values) for key, values in grid.items()})
    if test_sets:
        written = section.get("test_sets")
        known = {**TEST_SETS, **(written if isinstance(written, Mapping) else {})}
        section["test_sets"] = {name: known.get(name, ["zero_shot"]) for name in test_sets}
    checked = parse_section(section, source=str(config))
    return make_plan(
        with_overrides(tree, overrides), checked, out=Path(out), source=str(config), keep_models=keep_models
    )


def sweep(
    config: Path | str,
    *,
    out: Path | str,
    workers: int | None = None,
    force: bool = False,
    progress: Progress = lambda message, share: None,
    **options: Any,
) -> Sweep:
    """Train and evaluate every arm on every cohort with every seed, and put them in one table.

    A sweep that was stopped, even killed, goes on where it was when it is called again with the same ``out``,
    and ends with the same tables. The number of workers changes the time and no figure.

    Args:
        config: a training configuration that may have a section ``sweep`` with ``seeds``, ``baseline``,
            ``cohorts``, ``arms``, ``test_sets``, ``figures`` and ``replicates``; see ``examples/ablation.yaml``.
        out: folder of the sweep.
        workers: processes of one thread each; by default one a core.
        force: make finished runs again whose settings differ from those asked for now, or, with ``keep_models``, whose
            model was not kept.
        progress: called with a message when a run has ended (empty in between) and the share that is done.
        options: instead of what the file says: ``grid`` (dotted key -> values; the arms are its combinations),
            ``seeds``, ``baseline``, ``test_sets`` (names), ``figures`` (``TESTSET:METRIC[:ATTRIBUTE]``),
            ``replicates`` (bootstrap resamples of an evaluation); ``keep_models`` keeps all weights;
            ``overrides``, ``KEY=VALUE`` each, change what the arms share.

    Returns:
        The table and the runs that failed, which the table gives as undefined.

    Raises:
        ConfigError, DataError: something in the file, the cohorts or ``out`` that the user can mend.
    """
    plan = plan_sweep(config, out=out, **options)
    _require_sweep(plan.out)
    plan.out.mkdir(parents=True, exist_ok=True)
    with _lock(plan.out):
        todo = pending(plan, force=force)
        if told := _without_models(plan, force=force):
            progress(told, 0.0)
        replace_file(plan.out / SWEEP_FILE, yaml.safe_dump(dict(plan.resolved), sort_keys=False).encode())
        for name in TABLES:
            # A table of an earlier state would contradict the file beside it.
            (plan.out / name).unlink(missing_ok=True)
        if todo:
            make_runs(todo, workers=workers or os.cpu_count() or 1, progress=progress)
        lacking = [run for run in plan.runs if state(run) != "finished"]
        failures = {run.name: failure(run) or "no result" for run in lacking}
        return Sweep(plan.out, write_tables(plan, failures), failures)


def describe(plan: Plan, *, force: bool = False) -> str:
    """The runs of a plan, one a line, with what would be done about each. Raises DataError as ``sweep`` would."""
    _require_sweep(plan.out)
    todo = {run.name for run in pending(plan, force=force)}
    words = {"finished": "again", "unfinished": "again", "differs": "replace", "new": "run"}
    lines = [f"{words[state(run)] if run.name in todo else 'keep':>7}  {run.name}" for run in plan.runs]
    counts = f"{len(plan.runs)} runs, {len(todo)} to make; baseline {plan.baseline}"
    return "\n".join(filter(None, [*lines, _without_models(plan, force=force), counts]))


def _without_models(plan: Plan, *, force: bool) -> str:
    """What to know where ``--keep-models`` asks for models that a finished sweep has dropped; else empty."""
    count = 0 if force else len(lacking_models(plan))
    if not count:
        return ""
    which = "1 finished run has" if count == 1 else f"{count} finished runs have"
    return (
        f"{which} no model/, since --keep-models was not given then: add --force to train again and keep it"
    )


def _require_sweep(out: Path) -> None:
    """Refuse a folder that holds anything else. A kill before ``sweep.yaml`` leaves hidden files only.

    A ``sweep.yaml`` alone may be the user's, and so may a folder ``runs/`` beside it.
    """
    if not out.exists():
        return
    names = [path.name for path in out.iterdir()] if out.is_dir() else ["a file"]
    ours = _LOCK_FILE in names or any(
        True for mark in (DONE_FILE, FAILED_FILE) for _ in out.glob(f"runs/*/*/s*/{mark}")
    )
    if not (all(name.startswith(".") for name in names) or (SWEEP_FILE in names and ours)):
        raise DataError.at("exists and is not a sweep", file=out, remedy="Choose another --out.")


@contextmanager
def _lock(out: Path) -> Iterator[None]:
    """Refuse a second sweep in the same folder at the same time; the system lifts the lock of a killed one.

    The file is also what tells a sweep that has no run yet.
    """
    (out / _LOCK_FILE).touch()
    try:
        import fcntl
    except ImportError:  # no such lock on Windows
        yield
        return
    with (out / _LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError.at("a sweep is running there", file=out, remedy="Wait for its end.") from None
        yield
