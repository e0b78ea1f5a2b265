"""Kill training at random moments, cut its disk, and see whether anything is lost.

    python benchmarks/torture_resume.py [--kills 50] [--saves 200] [--disks 20] [--seed 0] [--docs docs/scale.md]

1. Tiny but whole training runs are killed (SIGKILL) at random moments and resumed until they end. After every kill each
   checkpoint must be whole; at the end ``model/``, the last checkpoint (towers, both optimizers, adversary, random
   numbers, FastCLIP's and group DRO's state) and the log but for its clock must equal the undisturbed run's bit for bit.
2. A process that saves checkpoints one after another is killed at random moments; the newest must be whole and right.
   The same with files written in place, for comparison.
3. Training runs out of disk (a limit on the size of files, and errors of a full and of a read-only disk): it must end
   with exit code 2 and a message, the checkpoint before whole, and end as the undisturbed run once there is room.

Exits 1 when anything is lost.
"""

import argparse
import contextlib
import errno
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from pages import write_block
from safetensors.torch import load_file, save
from torture_arena import ARMS, Arena, Tally, compare, exit_code, in_child

from adfair.cli.app import run as command
from adfair.errors import DataError
from adfair.training.checkpoint import (
    checkpoints,
    drop_old,
    newest_whole,
    require_whole,
    step_of,
    write_checkpoint,
)


def kill_training(arena: Arena, tally: Tally, *, kills: int, draw: random.Random) -> None:
    """Part 1."""
    arms = list(ARMS)
    number = 0
    while tally.counts.get("training runs killed", 0) < kills:
        arm, number = arms[number % len(arms)], number + 1
        run, reference = arena.root / f"{arm}-killed", arena.undisturbed(arm)
        child = in_child(partial(arena.train, arm, run))
        time.sleep(draw.uniform(0.0, arena.seconds[arm]))
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        killed = exit_code(child) == -signal.SIGKILL
        tally.add("training runs killed" if killed else "ended before the kill")
        for path in checkpoints(run / "checkpoints"):
            with contextlib.suppress(DataError):
                require_whole(path)
                continue
            tally.expect(False, f"{arm}: {path.name} is not whole after kill {number}")
        if not killed:
            compare(tally, f"{arm}, killed", run, reference)
            tally.add("resumed runs compared")
            shutil.rmtree(run)
    for arm in arms[: min(kills, len(arms))]:
        run = arena.root / f"{arm}-killed"
        code = exit_code(in_child(partial(arena.train, arm, run)))
        tally.expect(code == 0, f"{arm}: the last resumption ended with {code}")
        compare(tally, f"{arm}, killed", run, arena.undisturbed(arm))
        tally.add("resumed runs compared")
        shutil.rmtree(run)


def content(step: int) -> dict[str, dict[str, torch.Tensor]]:
    """About 4 MB that tell which step they belong to."""
    return {part: {"w": torch.full((512, 1024), float(step))} for part in ("towers", "optimizer")}


def kill_saving(root: Path, tally: Tally, *, kills: int, draw: random.Random) -> None:
    """Part 2: the protocol, then files written in place."""
    folder, single = root / "saves", root / "in_place.safetensors"

    def protocol(first: int) -> None:
        for step in range(first, first + 10_000):
            write_checkpoint(folder, step, content(step), {})
            drop_old(folder, written=step, keep=2)

    def in_place(first: int) -> None:
        for step in range(first, first + 10_000):
            single.write_bytes(save(content(step)["towers"]))

    done = 0
    for _ in range(kills):
        _kill_after(partial(protocol, done + 1), draw)
        path, damaged = newest_whole(folder)
        tally.add("saves killed")
        tally.expect(not damaged, f"saving: {len(damaged)} damaged checkpoints")
        step = 0 if path is None else step_of(path)
        tally.expect(step >= done, f"saving: went back from step {done} to {step}")
        if path is not None:
            right = torch.all(load_file(path / "towers.safetensors")["w"] == step)
            tally.expect(bool(right), f"saving: {path.name} holds something else")
        done = step
    for _ in range(kills):
        _kill_after(lambda: in_place(1), draw)
        tally.add("saves in place killed")
        try:
            load_file(single)
        except Exception:
            tally.add("of these corrupt")


def _kill_after(work: Callable[[], None], draw: random.Random) -> None:
    child = in_child(work)
    time.sleep(draw.uniform(0.01, 0.12))
    os.kill(child, signal.SIGKILL)
    exit_code(child)


def fail_disks(arena: Arena, tally: Tally, *, runs: int, draw: random.Random) -> None:
    """Part 3."""
    for number in range(runs):
        arm, how = list(ARMS)[number % len(ARMS)], ("limit", errno.ENOSPC, errno.EROFS, "limit")[number % 4]
        run, reference = arena.root / f"{arm}-disk", arena.undisturbed(arm)
        _until_saved(arena, arm, run)
        before, _ = newest_whole(run / "checkpoints")
        assert before is not None
        code = exit_code(in_child(partial(_starved, arena, arm, run, how, draw)))
        message = (arena.root / "errors.txt").read_text()
        tally.add("disks full or read-only")
        tally.expect(code == 2, f"disk {how}: exit code {code}: {message[-200:]}")
        tally.expect("nothing could be written" in message, f"disk {how}: {message[-200:]}")
        after, damaged = newest_whole(run / "checkpoints")
        tally.expect(
            not damaged and after is not None and after >= before, f"disk {how}: a checkpoint was lost"
        )
        assert exit_code(in_child(partial(arena.train, arm, run))) == 0
        compare(tally, f"{arm}, disk {how}", run, reference)
        shutil.rmtree(run)


def _until_saved(arena: Arena, arm: str, run: Path) -> None:
    child = in_child(lambda: arena.train(arm, run))
    while not checkpoints(run / "checkpoints"):
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    exit_code(child)


def _starved(arena: Arena, arm: str, run: Path, how: str | int, draw: random.Random) -> int:
    """``adfair train --resume`` on a disk that fails."""
    # The object as well as the handle: under pytest they are not the same.
    sys.stderr = (arena.root / "errors.txt").open("w", buffering=1)
    os.dup2(sys.stderr.fileno(), 2)
    if how == "limit":
        sizes = [p.stat().st_size for c in checkpoints(run / "checkpoints")[:1] for p in c.iterdir()]
        size = draw.randrange((run / "log.jsonl").stat().st_size + 1, max(sizes) - 1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    else:
        sync, left = os.fsync, draw.randrange(20)

        def failing(handle: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(int(how), os.strerror(int(how)))
            sync(handle)

        os.fsync = failing  # type: ignore[assignment]
    config = arena.root / "config.yaml"
    config.write_text("{}\n")
    sets = [part for key in arena.keys(arm) for part in ("--set", key)]
    return command(["train", str(config), *sets, "--out", str(run), "--resume"])


def torture(root: Path, *, kills: int, saves: int, disks: int, seed: int) -> Tally:
    """All three parts; the folder is the caller's."""
    torch.set_num_threads(1)
    tally, draw = Tally(), random.Random(seed)
    kill_saving(root, tally, kills=saves, draw=draw)
    arena = Arena(root)
    kill_training(arena, tally, kills=kills, draw=draw)
    fail_disks(arena, tally, runs=disks, draw=draw)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("kills", 50), ("saves", 200), ("disks", 20), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--docs", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        tally = torture(
            Path(root),
            kills=arguments.kills,
            saves=arguments.saves,
            disks=arguments.disks,
            seed=arguments.seed,
        )
    rows = [f"| {what} | {n} |" for what, n in tally.counts.items()]
    text = "\n".join(
        ["| what | number |", "| --- | --- |", *rows, f"| lost or different | {len(tally.lost)} |"]
    )
    print(text)
    print("\n".join(tally.lost) or "nothing was lost")
    if arguments.docs:
        write_block(arguments.docs, "resume", text)
    return int(bool(tally.lost))


if __name__ == "__main__":
    sys.exit(main())
