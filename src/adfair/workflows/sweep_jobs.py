"""The runs of a sweep on several processes: cohorts first, then every run after what it needs."""

from collections.abc import Callable, Sequence
from multiprocessing.context import BaseContext

from adfair.errors import DataError
from adfair.workflows.demo import steps_done
from adfair.workflows.processes import Job, run_jobs, worker_context, worker_environment
from adfair.workflows.sweep_cohort import draw_cohort, drawn_identity
from adfair.workflows.sweep_run import Run
from adfair.workflows.sweep_state import failure, state, write_failed
from adfair.workflows.sweep_work import perform

_TRAINING = 0.8  # share of a run's time that goes into training; for the progress bar only
Progress = Callable[[str, float], None]


def make_runs(todo: Sequence[Run], *, workers: int, progress: Progress) -> None:
    """Make every run; a run that fails, or is killed, leaves its reason in its folder and the others go on.

    Args:
        progress: called with a message when a run has ended (empty in between) and the share that is done.

    Raises:
        DataError: a cohort could not be drawn.
    """
    with worker_environment():
        context = worker_context()
        _draw(todo, workers=workers, context=context, progress=progress)
        runs, ended = {run.name: run for run in todo}, set[str]()

        def share(running: Sequence[str] = ()) -> float:
            under_way = sum(_TRAINING * _trained(runs[name]) for name in running)
            return (len(ended) + under_way) / len(runs)

        def finish(name: str, code: int) -> None:
            ended.add(name)
            progress(f"{name}: {_outcome(runs[name], code)}", share())

        run_jobs(
            {run.name: Job(perform, (run,), run.after.name if run.after else None) for run in todo},
            workers=workers,
            context=context,
            ended=finish,
            poll=lambda running: progress("", share(running)),
        )


def _trained(run: Run) -> float:
    return min(steps_done(run.folder / "log.jsonl") / run.config.train.steps, 1.0)


def _outcome(run: Run, code: int) -> str:
    if state(run) == "finished":
        return "done"
    if failure(run) is None:
        cause = f"was killed by signal {-code}; out of memory?" if code < 0 else f"ended with code {code}"
        write_failed(run, f"its process {cause}")
    return f"failed: {failure(run)}"


def _draw(todo: Sequence[Run], *, workers: int, context: BaseContext, progress: Progress) -> None:
    """Draw the synthetic cohorts that are absent, half-drawn, or (then ``force`` was given) others."""
    cohorts = {str(run.data.folder): run.data for run in todo if run.data.drawn}
    lacking = {name: c for name, c in cohorts.items() if drawn_identity(c) != c.identity}
    run_jobs(
        {name: Job(draw_cohort, (cohort,)) for name, cohort in lacking.items()},
        workers=workers,
        context=context,
        ended=lambda name, code: progress(
            f"cohort {lacking[name].folder.name}: {'failed' if code else 'drawn'}", 0.0
        ),
    )
    for cohort in lacking.values():
        if drawn_identity(cohort) != cohort.identity:
            raise DataError.at("could not be drawn", file=cohort.folder, remedy="Is there room on the disk?")
