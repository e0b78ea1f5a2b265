"""Jobs in processes of their own: order, failures, and nothing left running."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from adfair.workflows.processes import Job, run_jobs, worker_environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")
# A grandchild of the test: it writes its number and sleeps.
SCRIPT = """
import os, sys, time
from multiprocessing import get_context
from adfair.workflows.processes import Job, run_jobs

def work(path):
    with open(path + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".part", path)
    time.sleep(100)

if __name__ == "__main__":
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


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A dead process whose new parent has not yet asked for it still has a number.
    state = Path(f"/proc/{pid}/stat")
    return not state.is_file() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    path = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, str(tmp_path / "script.py"), str(path)])
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    worker = int(path.read_text())
    assert _runs(worker)
    parent.kill()
    parent.wait()
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(worker)


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    with worker_environment():
        assert os.environ["OMP_NUM_THREADS"] == "1"
        assert "MALLOC_TRIM_THRESHOLD_" in os.environ
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert "MALLOC_TRIM_THRESHOLD_" not in os.environ
