"""Run a function in several processes that train together over gloo, forked from this one."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _enter(
    place: int, world: int, port: int, work: Callable[..., Any], folder: Path, arguments: tuple
) -> None:
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(place),
        "LOCAL_RANK": str(place),
        "WORLD_SIZE": str(world),
        "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "test",  # what torchrun sets: processes are started from outside
    }
    torch.save(work(*arguments), folder / f"{place}.pt")


def run_together(work: Callable[..., Any], *arguments: Any, world: int, folder: Path) -> list[Any]:
    """What ``work(*arguments)`` returns in each process; fails where one of them does."""
    context, port = multiprocessing.get_context("fork"), _free_port()
    processes = [
        context.Process(target=_enter, args=(place, world, port, work, folder, arguments))
        for place in range(world)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        if process.is_alive():
            process.kill()
    assert [process.exitcode for process in processes] == [0] * world
    return [torch.load(folder / f"{place}.pt") for place in range(world)]
