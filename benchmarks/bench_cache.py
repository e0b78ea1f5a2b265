"""How fast are batches gathered from the image cache?

    python benchmarks/bench_cache.py [--images 8000] [--batch 256] [--repeats 7]

Uint8 squares of 224 px in one file, random rows, one thread. Bars: 0.9 times numpy's copy of as many bytes, and 50
times a per-item Dataset over the same file (normalised float, three channels, default collate, no worker processes).
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from adfair.data.cache import PIXEL_FILE, CachedImages, map_file
from adfair.data.loader import Gathered

SIZE, COPY_BAR, ITEM_BAR = 224, 0.9, 50
MEAN, STD = 0.5, 0.25


class PerItem(Dataset):
    """One image at a time, as most training code reads a mapped file."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> torch.Tensor:
        grey = torch.from_numpy(np.array(self.pixels[i])).float().div_(255).sub_(MEAN).div_(STD)
        return grey[None].expand(3, -1, -1).contiguous()


def rates(works: dict[str, Callable[[int], int]], repeats: int, batches: int) -> dict[str, float]:
    """Images a second of each, taking turns; the fastest of several passes."""
    best = dict.fromkeys(works, 0.0)
    for _ in range(repeats + 1):
        for name, work in works.items():
            began = time.perf_counter()
            images = sum(work(step) for step in range(batches))
            best[name] = max(best[name], images / (time.perf_counter() - began))
    return best


def main() -> int:
    """Print rates and ratios; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    n, batch, rng = args.images, args.batch, np.random.default_rng(0)
    order = torch.from_numpy(rng.permutation(n))
    batches = n // batch

    def rows(step: int) -> torch.Tensor:
        return order[step * batch : (step + 1) * batch]

    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / PIXEL_FILE).open("wb") as file:
            for _ in range(0, n, 500):
                file.write(rng.integers(0, 256, (min(500, n), SIZE, SIZE), dtype=np.uint8).data)
        pixels = map_file(Path(folder), images=n, size=SIZE)
        images = Gathered(CachedImages(pixels, np.arange(n)))
        source = np.array(pixels[: batch * (min(n, 2000) // batch)])
        chunks = len(source) // batch

        def copy(step: int) -> int:
            at = step % chunks * batch
            return len(source[at : at + batch].copy())

        def per_item(step: int) -> int:
            if step:
                return 0
            few = torch.utils.data.Subset(PerItem(pixels), order[: 2 * batch].tolist())
            return sum(len(part) for part in DataLoader(few, batch_size=batch))

        found = rates(
            {
                "numpy copy of the same bytes": copy,
                "cache gather": lambda step: len(images[rows(step)]),
                "per-item Dataset": per_item,
            },
            args.repeats,
            batches,
        )
    gather = found["cache gather"]
    for name, rate in found.items():
        print(f"{name:30s} {rate:10,.0f} images/s   {rate * SIZE**2 / 1e9:6.2f} GB/s")
    copies, items = gather / found["numpy copy of the same bytes"], gather / found["per-item Dataset"]
    print(f"gather / copy {copies:.2f} (bar {COPY_BAR})   gather / per-item {items:.0f} (bar {ITEM_BAR})")
    return int(copies < COPY_BAR or items < ITEM_BAR)


if __name__ == "__main__":
    sys.exit(main())
