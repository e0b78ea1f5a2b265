"""What a folder of a sweep already holds: runs to keep, to do again, or that are something else."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from adfair.data.staging import replace_file
from adfair.errors import DataError
from adfair.workflows.sweep_cohort import drawn_identity
from adfair.workflows.sweep_plan import Plan
from adfair.workflows.sweep_run import Run, fingerprint

DONE_FILE, FAILED_FILE = "done.json", "failed.json"
State = Literal["finished", "unfinished", "differs", "new"]
_SHOWN = 6


def write_done(run: Run, facts: Mapping[str, Any]) -> None:
    """Mark a run as finished: the last file that is written into its folder."""
    identity = run.identity
    record = {
        "config_hash": fingerprint({k: v for k, v in identity.items() if k != "cohort"}),
        "cohort_hash": fingerprint(identity["cohort"]),
        **facts,
        "identity": identity,
    }
    replace_file(run.folder / DONE_FILE, _json(record))


def write_failed(run: Run, reason: str) -> None:
    """Record why a run has no result. It is tried again by the next sweep there."""
    run.folder.mkdir(parents=True, exist_ok=True)
    replace_file(run.folder / FAILED_FILE, _json({"reason": reason}))


def failure(run: Run) -> str | None:
    """The recorded reason of a failed run."""
    record = run.folder / FAILED_FILE
    return str(json.loads(record.read_text(encoding="utf-8"))["reason"]) if record.is_file() else None


def state(run: Run) -> State:
    """Where a run stands; see ``differences`` for what differs."""
    if not (run.folder / DONE_FILE).is_file():
        return "unfinished" if run.folder.exists() else "new"
    return "differs" if differences(run) else "finished"


def differences(run: Run) -> list[str]:
    """The keys in which a finished run there is another one than ``run``: ``KEY (there X, now Y)``."""
    record = json.loads((run.folder / DONE_FILE).read_text(encoding="utf-8"))
    return list(_differing(record["identity"], run.identity))


def pending(plan: Plan, *, force: bool) -> list[Run]:
    """The runs that are to be made, in order: those not finished, and the models that they need.

    Args:
        force: make runs that differ again instead of refusing them, and those of ``lacking_models``.

    Raises:
        DataError: a finished run, or a cohort that was drawn, is not what is asked for now.
    """
    states = {run.name: state(run) for run in plan.runs}
    if not force:
        _refuse(plan, [run for run in plan.runs if states[run.name] == "differs"])
    todo = {name for name, found in states.items() if found != "finished"}
    todo |= {run.name for run in lacking_models(plan)} if force else set()
    for run in plan.runs:
        needed = run.after
        if run.name in todo and needed is not None and not (needed.folder / "model").is_dir():
            todo.add(needed.name)
    return [run for run in plan.runs if run.name in todo]


def lacking_models(plan: Plan) -> list[Run]:
    """Finished runs that dropped the model which the sweep asks to keep now."""
    asked = plan.runs if plan.keep_models else []
    return [run for run in asked if not (run.folder / "model").is_dir() and state(run) == "finished"]


def _refuse(plan: Plan, runs: Sequence[Run]) -> None:
    remedy = "Choose another --out, or do it again with --force."
    for cohort in plan.cohorts:
        there = drawn_identity(cohort) if cohort.drawn else None
        changed = list(_differing(there, cohort.identity)) if there is not None else []
        if changed:
            raise DataError.at(
                f"another cohort is there: {_listed(changed)}", file=cohort.folder, remedy=remedy
            )
    if runs:
        others = f" (and {len(runs) - 1} further runs)" if len(runs) > 1 else ""
        what = f"a finished run with other settings is there{others}: {_listed(differences(runs[0]))}"
        raise DataError.at(what, file=runs[0].folder, remedy=remedy)


def _listed(changed: Sequence[str]) -> str:
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return ", ".join(changed[:_SHOWN]) + more


def _differing(there: Any, now: Any, key: str = "") -> Iterator[str]:
    if isinstance(there, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*now, *there]):
            below = f"{key}.{name}" if key else str(name)
            yield from _differing(there.get(name), now.get(name), below)
    elif there != now:
        yield f"{key} (there {json.dumps(there)}, now {json.dumps(now)})"


def _json(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, indent=2) + "\n").encode()
