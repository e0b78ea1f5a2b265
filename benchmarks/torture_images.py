"""Do damaged images give our error and nothing else, in bounded time and memory?

    python benchmarks/torture_images.py [--mutants 10000] [--seed 0]

JPEG (baseline, progressive, colour), PNG (8 and 16 bit, palette) and, with the extra ``dicom``, DICOM (raw, RLE, JPEG
2000, JPEG, JPEG-LS where an encoder is at hand), each with bytes changed, cut out, repeated or cut off; most changes
fall into the headers. Exits 1 at another error, after 2 seconds for one image, or above 1 GB more memory. The worker
of ``adfair prepare`` is a process of its own, so a decoder that crashes shows here as a lost process.
"""

import argparse
import io
import os
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from adfair.data.images import read_image
from adfair.errors import DataError

SECONDS, MEMORY, BATCH = 2.0, 1e9, 250


def seeds() -> dict[str, bytes]:
    """One healthy file of each kind."""
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(160), np.arange(200)) / 360 * 200
    grey = (smooth + rng.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8)
    colour, deep = Image.fromarray(grey).convert("RGB"), Image.fromarray(grey.astype(np.uint16) * 257)
    made = {
        "jpeg": (Image.fromarray(grey), {"format": "JPEG"}),
        "jpeg progressive": (Image.fromarray(grey), {"format": "JPEG", "progressive": True}),
        "jpeg colour": (colour, {"format": "JPEG"}),
        "png 8": (Image.fromarray(grey), {"format": "PNG"}),
        "png 16": (deep, {"format": "PNG"}),
        "png palette": (colour.quantize(64), {"format": "PNG"}),
    }
    files = {}
    for name, (image, how) in made.items():
        buffer = io.BytesIO()
        image.save(buffer, **how)
        files[name] = buffer.getvalue()
    return files | (dicom_seeds(grey.astype(np.uint16) * 16) if find_spec("pydicom") else {})


def dicom_seeds(values: np.ndarray) -> dict[str, bytes]:
    """12-bit DICOM files of uint16 values, in the transfer syntaxes that can be written here."""
    import pydicom
    from pydicom import uid

    files = {}
    for name, syntax in {
        "dicom raw": uid.ExplicitVRLittleEndian,
        "dicom rle": uid.RLELossless,
        "dicom jpeg 2000": uid.JPEG2000Lossless,
        "dicom jpeg": uid.JPEGBaseline8Bit,
    }.items():
        baseline = syntax == uid.JPEGBaseline8Bit
        dataset = pydicom.Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = uid.DigitalXRayImageStorageForPresentation, "1.2.3"
        dataset.Rows, dataset.Columns = values.shape
        dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
        dataset.PhotometricInterpretation = "MONOCHROME1"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = (8, 8, 7) if baseline else (16, 12, 11)
        dataset.WindowCenter, dataset.WindowWidth = (128, 200) if baseline else (2048, 3000)
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        if baseline:
            buffer = io.BytesIO()
            Image.fromarray((values // 16).astype(np.uint8)).save(buffer, format="JPEG")
            dataset.PixelData = pydicom.encaps.encapsulate([buffer.getvalue()])
            dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
            dataset.file_meta.TransferSyntaxUID = syntax
        else:
            dataset.PixelData = values.tobytes()
            dataset["PixelData"].VR = "OW"
            if syntax != uid.ExplicitVRLittleEndian:
                dataset.compress(syntax, generate_instance_uid=False)
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        files[name] = buffer.getvalue()
    return files


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """A damaged copy."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        kind = rng.integers(6)
        at = int(rng.integers(len(out) if rng.random() < 0.4 else min(len(out), 900)))
        if kind <= 2:
            out[at] = int(rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))]))
        elif kind == 3:
            length = int(rng.integers(1, 9))
            out[at : at + length] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        elif kind == 4:
            del out[at : at + int(rng.integers(1, 40))]
        else:
            out[at:at] = out[at : at + int(rng.integers(1, 400))]
        if len(out) < 8:
            break
    return bytes(out[: int(rng.integers(len(out)))] if rng.random() < 0.15 else out)


def mutants(seed: int, numbers: range) -> Iterator[tuple[int, str, bytes]]:
    """Mutant ``i`` depends on ``seed`` and ``i`` alone."""
    files = list(seeds().items())
    for i in numbers:
        name, data = files[i % len(files)]
        yield i, name, mutate(data, np.random.default_rng([seed, i]))


def attack(seed: int, numbers: range, folder: str) -> tuple[Counter[str], float, list[str]]:
    """Read mutants; counts by outcome, the longest time, and what went wrong."""
    warnings.simplefilter("ignore")
    path, counts, slowest, faults = Path(folder) / f"{os.getpid()}", Counter[str](), 0.0, []
    for i, name, data in mutants(seed, numbers):
        path.write_bytes(data)
        began = time.perf_counter()
        try:
            assert read_image(path, size=64).shape == (64, 64)
            counts["read"] += 1
        except DataError:
            counts["refused"] += 1
        except BaseException as error:
            faults.append(f"mutant {i} ({name}): {type(error).__name__}: {error}")
        took = time.perf_counter() - began
        slowest = max(slowest, took)
        if took > SECONDS:
            faults.append(f"mutant {i} ({name}): {took:.1f} s")
    return counts, slowest, faults


def attack_alone(seed: int, numbers: range, folder: str) -> tuple[Counter[str], float, list[str], float]:
    """The same with the growth of this process's peak memory, in bytes."""
    for data in seeds().values():
        (Path(folder) / "warm").write_bytes(data)
        read_image(Path(folder) / "warm", size=64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = attack(seed, numbers, folder)
    return *found, 1024.0 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def main() -> int:
    """Print what became of the mutants; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    counts, slowest, faults, memory = Counter[str](), 0.0, [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, args.mutants, BATCH * 8):
            numbers = range(start, min(start + BATCH * 8, args.mutants))
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                try:
                    some, took, wrong, grown = pool.submit(attack_alone, args.seed, numbers, folder).result()
                except BrokenProcessPool:
                    faults.append(f"a decoder ended its process among mutants {numbers}")
                    continue
            counts, slowest, memory = counts + some, max(slowest, took), max(memory, grown)
            faults += wrong
    print(f"kinds: {', '.join(seeds())}")
    print(f"{args.mutants:,} mutants, seed {args.seed}: {dict(counts)}, {len(faults)} faults")
    print(
        f"slowest {slowest:.2f} s (bar {SECONDS:.0f}); memory grew by {memory / 1e6:.0f} MB (bar {MEMORY / 1e6:.0f})"
    )
    print("\n".join(faults[:20]))
    return int(bool(faults) or memory > MEMORY)


if __name__ == "__main__":
    sys.exit(main())
