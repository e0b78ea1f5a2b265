"""Figures of a benchmark on a page of the documentation."""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd


def write_block(page: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->`` of a page."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    head, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, tail = rest.partition(end)
    page.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


def simulate(
    one: Callable[[int], dict[str, float]],
    text: Callable[[pd.DataFrame], str],
    *,
    block: str,
    about: str | None,
    simulations: int,
    chunk: int,
) -> None:
    """The command line of a benchmark that simulates: seeds through ``one`` in several processes, their rows through
    ``text``, which is printed and, with ``--docs PAGE``, written into the page's block."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--simulations", type=int, default=simulations)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--docs", type=Path, help=f"page whose block '{block}' to rewrite")
    arguments = parser.parse_args()
    start = time.perf_counter()
    with ProcessPoolExecutor(arguments.workers) as pool:
        results = pd.DataFrame(pool.map(one, range(arguments.simulations), chunksize=chunk))
    found = text(results)
    print(found, f"\n{time.perf_counter() - start:.0f} s")
    if arguments.docs:
        write_block(arguments.docs, block, found)
