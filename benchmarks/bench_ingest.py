"""How fast does a large radiograph become a 224 px square, and how far is it from an exact decode?

    python benchmarks/bench_ingest.py [--images 12] [--repeats 5]

Made-up grey JPEGs of about 2500 x 3050 pixels and 1.5 MB (smooth anatomy, fine grain, edges), one thread. Against what
open_clip's transform does: PIL -> RGB -> bicubic resize of the shorter side -> centre crop -> float tensor.
Error: mean absolute difference from a full decode, cropped and resized by the same filter. Bars: 3.3 times the
images a second, 0.5 grey levels.
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
from PIL import Image
from torchvision import transforms

from adfair.data.images import read_image

SIZE, SPEED_BAR, ERROR_BAR = 224, 3.3, 0.5


def radiograph(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A grey picture with the spectrum of a film: amplitude falls with frequency; edges of ribs; grain."""
    noise = rng.standard_normal((shape[0] // 8, shape[1] // 8))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(noise.shape[1]), np.fft.fftfreq(noise.shape[0])))
    smooth = np.fft.ifft2(np.fft.fft2(noise) / (frequency + 2e-3) ** 1.3).real
    smooth = (smooth - smooth.min()) / np.ptp(smooth) * 170 + 30
    grey = np.asarray(
        Image.fromarray(smooth.astype(np.float32)).resize(shape[::-1], Image.Resampling.BICUBIC)
    )
    y, x = np.mgrid[: shape[0], : shape[1]]
    ribs = 25 * (np.sin((y + 2e-4 * (x - shape[1] / 2) ** 2) / shape[0] * 60) > 0.75)
    return np.clip(grey + ribs + rng.normal(0, 3, shape), 0, 255).astype(np.uint8)


def write_images(folder: Path, count: int) -> list[Path]:
    """JPEGs of slightly different sizes, quality 92."""
    paths = []
    for i in range(count):
        rng = np.random.default_rng(i)
        shape = (3050 + int(rng.integers(-40, 40)), 2500 + int(rng.integers(-60, 60)))
        paths.append(folder / f"{i}.jpg")
        Image.fromarray(radiograph(rng, shape if i % 2 else shape[::-1])).save(paths[-1], quality=92)
    return paths


def exact(path: Path) -> np.ndarray:
    """A full decode, cropped and resized by the same filter."""
    with Image.open(path) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        cropped = image.crop((left, top, left + side, top + side))
        return np.asarray(cropped.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def best_rate(work: Callable[[Path], object], paths: list[Path], repeats: int) -> float:
    """Images a second of the fastest pass over all paths."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        for path in paths:
            work(path)
        times.append(time.perf_counter() - began)
    return len(paths) / min(times)


def main() -> int:
    """Print rates, ratio and error; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    steps = [
        transforms.Resize(SIZE, transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(SIZE),
        transforms.ToTensor(),
    ]
    usual = transforms.Compose([lambda path: Image.open(path).convert("RGB"), *steps])
    with tempfile.TemporaryDirectory() as folder:
        paths = write_images(Path(folder), args.images)
        size = sum(path.stat().st_size for path in paths) / len(paths) / 1e6
        theirs = best_rate(usual, paths, args.repeats)
        full = best_rate(exact, paths, args.repeats)
        ours = best_rate(lambda path: read_image(path, size=SIZE), paths, args.repeats)
        errors = [np.abs(read_image(path, size=SIZE).astype(int) - exact(path)).mean() for path in paths]
    print(f"{len(paths)} JPEGs of {size:.1f} MB, images a second on one thread")
    print(f"PIL -> RGB -> bicubic -> tensor   {theirs:6.1f}")
    print(f"PIL, grey, full decode            {full:6.1f}   {full / theirs:.2f} x")
    print(f"adfair (scaled DCT)               {ours:6.1f}   {ours / theirs:.2f} x   (bar {SPEED_BAR} x)")
    print(
        f"mean absolute error {np.mean(errors):.3f} grey levels, worst image {max(errors):.3f}   (bar {ERROR_BAR})"
    )
    return int(ours / theirs < SPEED_BAR or max(errors) > ERROR_BAR)


if __name__ == "__main__":
    sys.exit(main())
