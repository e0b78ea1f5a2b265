"""Chunks of a cache decoded in several processes, a few at a time."""

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from adfair.data.chunks import Target, write_chunk
from adfair.data.journal import Chunk
from adfair.errors import DataError
from adfair.workflows.processes import end_with_parent


def decoded_chunks(
    target: Target, paths: Sequence[str], todo: Sequence[int], *, chunk: int, workers: int
) -> Iterator[Chunk]:
    """Decode chunks of rows and yield each when it is on the disk.

    Args:
        paths: [N], one a row. todo: the first rows of the chunks. chunk: rows of each.
        workers: processes, each started afresh (spawn); with one the work is done in this process.

    Raises:
        DataError: the disk is full, or a process was killed.
    """
    if workers == 1 or len(todo) <= 1:
        yield from (write_chunk(target, start, paths[start : start + chunk]) for start in todo)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(todo)), mp_context=get_context("spawn"), initializer=_start_worker
    )
    try:
        yield from _in_pool(pool, target, paths, todo, chunk=chunk, ahead=2 * workers)
    except BrokenProcessPool:
        raise DataError.at(
            "a decoding process was killed",
            file=target.pixels.parent,
            remedy="Run the command again: it goes on where it stopped. Out of memory? Use fewer --workers.",
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_pool(
    pool: Executor, target: Target, paths: Sequence[str], todo: Sequence[int], *, chunk: int, ahead: int
) -> Iterator[Chunk]:
    # Only so many chunks are handed out at a time, so that paths and results of the rest take no memory.
    running: set[Future[Chunk]] = set()
    for start in todo:
        if len(running) >= ahead:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
        running.add(pool.submit(write_chunk, target, start, paths[start : start + chunk]))
    for future in running:
        yield future.result()


def _start_worker() -> None:
    # Ctrl-C reaches every process of the terminal; the parent ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
