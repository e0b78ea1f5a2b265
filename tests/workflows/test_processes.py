"""Jobs in processes of their own: order, failures, and nothing left running."""

import os
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.workflows.killed import worker_outlives

from adfair.workflows.processes import Job, run_jobs, worker_environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")
START = """
    from adfair.workflows.processes import Job, run_jobs
    run_jobs({"a": Job(work, (sys.argv[1],))}, workers=1, context=get_context("spawn"))
"""


def test_jobs_wait_for_what_they_need_and_a_death_stops_no_other(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    jobs = {
        "second": Job(os.rename, (one, two), "first"),
        "dies": Job(os.abort, ()),
        "leaves": Job(os._exit, (7,)),
        "first": Job(os.mkdir, (one,), "not-a-job"),
    }
    codes: dict[str, int] = {}
    run_jobs(jobs, workers=2, context=get_context("forkserver"), ended=codes.__setitem__)
    assert codes == {"first": 0, "second": 0, "dies": -signal.SIGABRT, "leaves": 7}
    assert list(codes).index("first") < list(codes).index("second")
    assert two.is_dir()


def test_no_more_than_the_workers_run_at_a_time_and_an_error_ends_them() -> None:
    jobs = {str(i): Job(time.sleep, (60,)) for i in range(5)}
    seen: list[list[str]] = []

    def poll(running: list[str]) -> None:
        seen.append(running)
        raise ZeroDivisionError

    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        run_jobs(jobs, workers=2, context=get_context("forkserver"), poll=poll)
    assert seen == [["0", "1"]]
    assert time.monotonic() - began < 30


def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    assert not worker_outlives(START, tmp_path)


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    with worker_environment():
        assert os.environ["OMP_NUM_THREADS"] == "1"
        assert "MALLOC_TRIM_THRESHOLD_" in os.environ
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ
