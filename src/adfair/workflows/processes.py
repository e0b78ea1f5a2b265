"""Work in processes of their own, one thread each: the same bits whatever the size of the machine."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import connection, forkserver, get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any, ClassVar

_WATCH_SECONDS = 0.5
Poll = Callable[[Sequence[str]], None]
Ended = Callable[[str, int], None]


class worker_environment:
    """While models train side by side: what their processes read when they start, and no other process.

    One thread each keeps each to its core. glibc otherwise gives the memory of every large activation back to
    the kernel and faults it in again at the next step, about a tenth of a step's time.
    """

    VARIABLES: ClassVar[dict[str, str]] = {
        "OMP_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": str(2**30),
        "MALLOC_TRIM_THRESHOLD_": str(2**32),
    }

    def __enter__(self) -> None:
        self.before = {name: os.environ.get(name) for name in self.VARIABLES}
        os.environ.update(self.VARIABLES)

    def __exit__(self, *_: object) -> None:
        for name, value in self.before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def worker_context() -> BaseContext:
    """Where models are trained: a server that imports torch once and is then forked for every process.

    The server imports and does nothing else before it forks, so no child inherits the threads of torch, numba or
    anything that ran before; where there is no such server each process starts afresh.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["adfair.training", "adfair.workflows.evaluate"])
    forkserver.ensure_running()
    return context


@dataclass(frozen=True)
class Job:
    """A call to be made in a process of its own. ``after`` names the job that must end first, if any."""

    target: Callable[..., None]
    arguments: tuple[Any, ...]
    after: str | None = None


def run_jobs(
    jobs: Mapping[str, Job],
    *,
    workers: int,
    context: BaseContext,
    ended: Ended = lambda name, code: None,
    poll: Poll = lambda running: None,
) -> None:
    """Make every call, at most ``workers`` at a time and in the given order where ``after`` allows it.

    Each has a fresh process, so that none can leave anything behind for the next, and one that is killed takes
    no other along. Results go through files.

    Args:
        jobs: name -> job. An ``after`` that is not among the jobs is taken to have ended.
        ended: called with a name and the exit code of its process (negative: the signal that killed it).
        poll: called about twice a second with the names of those running.
    """
    waiting, running = dict(jobs), dict[str, BaseProcess]()
    try:
        while waiting or running:
            ready = [name for name, job in waiting.items() if job.after not in (*waiting, *running)]
            for name in ready[: workers - len(running)]:
                running[name] = _start(waiting.pop(name), context)
            connection.wait([process.sentinel for process in running.values()], timeout=_WATCH_SECONDS)
            for name in [name for name, process in running.items() if not process.is_alive()]:
                process = running.pop(name)
                process.join()
                ended(name, process.exitcode or 0)
            poll(list(running))
    finally:
        for process in running.values():
            process.terminate()


def _start(job: Job, context: BaseContext) -> BaseProcess:
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]
        target=_call, args=(job.target, job.arguments)
    )
    process.start()
    return process


def _call(target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    end_with_parent()
    try:
        target(*arguments)
    except KeyboardInterrupt:
        # Ctrl-C reaches every process of the terminal; the parent is the one that says so.
        os._exit(130)


def end_with_parent() -> None:
    """From now on end this process when its parent is gone, even killed: it must not write beside a second attempt."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
