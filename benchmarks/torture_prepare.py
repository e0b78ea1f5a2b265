"""Is a cache that was killed again and again the same as an undisturbed one?

    python benchmarks/torture_prepare.py [--kills 20] [--images 2500] [--workers 2] [--seed 0]

``adfair prepare`` on a made-up cohort is killed with SIGKILL at random moments, started again each time, and at last
left to finish. Every file of the cache must then be that of an undisturbed run, and no killed run may have left an
index. Exits 1 otherwise. A run that ends before its kill is thrown away and begun anew.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from adfair.data.cache import INDEX_FILE
from adfair.data.journal import JOURNAL_FILE
from adfair.data.manifest import write_cohort
from adfair.data.schema import CohortInfo

SIZE = 96


def make_cohort(root: Path, images: int) -> None:
    """A cohort of grey JPEGs."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    film = rng.integers(0, 256, (600, 500), dtype=np.uint8)
    for i in range(images):
        Image.fromarray(np.roll(film, 7 * i)).save(root / "images" / f"{i}.jpg", quality=60)
    table = pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(images)],
            "patient_id": [f"p{i}" for i in range(images)],
            "image_path": [f"images/{i}.jpg" for i in range(images)],
            "report": "",
            "split": "train",
            "sex": "F",
            "Edema": 0,
        }
    )
    write_cohort(root, CohortInfo(name="killed", findings=["Edema"], attributes={"sex": ["F", "M"]}), table)


def start(root: Path, workers: int) -> subprocess.Popen[bytes]:
    """``adfair prepare`` in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "adfair",
        "prepare",
        str(root),
        "--size",
        str(SIZE),
        "--workers",
        str(workers),
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def files(root: Path) -> dict[str, bytes]:
    """Every file of the cache."""
    return {path.name: path.read_bytes() for path in sorted((root / "cache" / f"{SIZE}-crop").iterdir())}


def main() -> int:
    """Kill, finish, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--images", type=int, default=2500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng, kills, early, journals, faults = np.random.default_rng(args.seed), 0, 0, [], 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "cohort"
        make_cohort(root, args.images)
        began = time.perf_counter()
        assert start(root, args.workers).wait() == 0
        took = time.perf_counter() - began
        expected = files(root)
        cache = root / "cache" / f"{SIZE}-crop"

        def clear() -> None:
            for path in cache.iterdir():
                path.unlink()

        clear()
        while kills < args.kills:
            process = start(root, args.workers)
            try:
                process.wait(timeout=rng.uniform(0.3, 0.9) * took)
                early += 1
                faults += files(root) != expected
                clear()
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
                faults += (cache / INDEX_FILE).exists() and files(root) != expected
                journal = cache / JOURNAL_FILE
                journals.append(journal.read_bytes().count(b"\n") if journal.exists() else 0)
        assert start(root, args.workers).wait() == 0
        same = files(root) == expected
    print(f"undisturbed {took:.1f} s; {kills} kills; lines in the journal after each: {journals}")
    print(f"{early} runs ended before their kill; {faults} faults; identical after the finish: {same}")
    return int(not same or faults > 0)


if __name__ == "__main__":
    sys.exit(main())
