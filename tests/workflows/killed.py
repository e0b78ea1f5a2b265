"""A parent that is killed while its worker works."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# The worker, a grandchild of the test, writes its number and sleeps.
_WORK = """
import os, sys, time
from multiprocessing import get_context

def work(path):
    with open(path + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".part", path)
    time.sleep(100)

if __name__ == "__main__":
"""


def worker_outlives(start: str, folder: Path) -> bool:
    """Whether the worker still runs a while after its parent was killed.

    Args:
        start: indented code by which the parent starts ``work(sys.argv[1])`` in another process.
        folder: for the script and the number of the worker.
    """
    (folder / "script.py").write_text(_WORK + start)
    path, deadline = folder / "pid", time.monotonic() + 60
    parent = subprocess.Popen([sys.executable, str(folder / "script.py"), str(path)])
    try:
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        worker = int(path.read_text())
        assert _runs(worker)
    finally:
        parent.kill()
        parent.wait()
    while _runs(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    if _runs(worker):
        os.kill(worker, signal.SIGKILL)
        return True
    return False


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A dead process whose new parent has not yet asked for it still has a number.
    state = Path(f"/proc/{pid}/stat")
    return not state.is_file() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
