"""Harvard-FairVLMed (Luo et al., CVPR 2024): fundus images with clinical notes, one ``data_NNNNN.npz`` a patient.

Not chest X-rays, but FairCLIP's own data: its authors' figures are on it. Nothing is unpickled. Images are
arrays, so they are always written into the cohort as PNG. What the codes of groups mean stands in
``demographics/*_fairvlmed.yaml``.
"""

import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from adfair.data.paths import list_images
from adfair.data.readers import lookup
from adfair.data.readers.found import Found, finish
from adfair.data.readers.options import ReadOptions, read_options
from adfair.data.readers.report import Flow, ImportReport
from adfair.data.validate import shown
from adfair.errors import ConfigError, DataError

WANTS = "the folder that holds Training, Validation and Test with their npz files"
SPLITS = {"Training": "train", "Validation": "val", "Test": "test"}
KEYS = ("slo_fundus", "age", "gender", "race", "ethnicity", "glaucoma", "note")
CODES = {"sex": "gender", "race": "race", "ethnicity": "ethnicity"}
GLAUCOMA = {"0": "0", "1": "1", "no": "0", "yes": "1"}
MAX_BYTES = 64 << 20
"""Of one array as unpacked; a fundus image has 340 kB."""


def import_fairvlmed(
    source: Path | str | Sequence[Path | str],
    *,
    out: Path | str,
    mapping: object = None,
    options: ReadOptions | dict[str, Any] | Sequence[str] | None = None,
    copy: bool = True,
    **rest: Any,
) -> ImportReport:
    """Make a cohort with the images as PNG inside it; ``copy`` is always so. See ``finish`` for the rest."""
    if mapping is not None:
        raise ConfigError("--mapping belongs to the reader 'table'")
    sources = [Path(source)] if isinstance(source, str | Path) else [Path(each) for each in source]
    choices = read_options(options)
    # One kind of image and one text: what radiographs leave to choose does not arise here.
    choices = choices.model_copy(update={"views": "all", "sections": choices.sections and ["report"]})
    found = find(sources, choices)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fairvlmed-", dir=Path(out).parent) as folder:
        for path in found.rows["image_path"]:
            _write_png(found.image_root / path, Path(folder) / path)
        drawn = {**vars(found), "image_root": Path(folder)}
        return finish(Found(**drawn), out=out, options=choices, copy=True, **rest)


def find(sources: list[Path], options: ReadOptions) -> Found:
    """Read what stands beside the images in every npz file; ``image_path`` is the PNG to be written.

    Raises:
        DataError: no file, a key is missing, an array needs unpickling, a file is damaged.
    """
    root = lookup.one_source(sources, reader="fairvlmed", wants=WANTS)
    files = [(split, path) for name, split in SPLITS.items() for path in sorted((root / name).glob("*.npz"))]
    if not files:
        there = sorted(root.iterdir()) if root.is_dir() else [root]
        what = f"no npz file in {', '.join(SPLITS)}; found {lookup.listed_files(there)}"
        raise DataError.at(what, file=root, remedy=f"SOURCE is {WANTS}.")
    _refuse_strangers([path for _, path in files], root=root)
    rows = pd.DataFrame([_row(path, split) for split, path in files])
    flow = Flow()
    flow.add("npz files", rows, rows["patient_id"])
    return Found(
        name="harvard-fairvlmed",
        source="Harvard-FairVLMed (Luo et al., CVPR 2024)",
        licence="CC BY-NC-ND 4.0, non-commercial research only",
        file=root,
        rows=rows,
        findings=["Glaucoma"],
        image_root=root,
        flow=flow,
        tables={name: f"{name}_fairvlmed" for name in CODES},
        notes=["Fundus images, not chest X-rays; every file counts as a patient of its own."],
    )


def _refuse_strangers(files: Sequence[Path], *, root: Path) -> None:
    paths = pd.Series([path.relative_to(root).as_posix() for path in files])
    missing, outside = list_images(root, paths)
    for fault, what in ((outside, "a symbolic link leads out of the folder"), (missing, "not a plain file")):
        if fault.any():
            raise DataError.at(what, file=files[int(fault.argmax())], remedy="Copy the file, or remove it.")


def _row(path: Path, split: str) -> dict[str, str]:
    cells = _read(path, KEYS[1:])
    row = {"image_id": path.stem, "patient_id": path.stem, "split": split, "view": "other"}
    row |= {"image_path": f"{path.parent.name}/{path.stem}.png", "age": cells["age"]}
    row |= {f"raw:{name}": cells[key] for name, key in CODES.items()}
    row["Glaucoma"] = _glaucoma(path, cells["glaucoma"].lower())
    return row | {"section:report": " ".join(cells["note"].split())}


def _glaucoma(path: Path, cell: str) -> str:
    if cell not in GLAUCOMA:
        what = f"expected one of {', '.join(GLAUCOMA)}, found {shown(cell)}"
        raise _fault(what, path, column="glaucoma", remedy="Another release may use other codes.")
    return GLAUCOMA[cell]


def _read(path: Path, keys: Sequence[str]) -> dict[str, str]:
    """Scalars of a file as text; whole numbers without a point."""
    scalars = {}
    for key, array in _arrays(path, keys).items():
        if array.size != 1:
            raise _fault(f"one value expected, found {array.size}", path, column=key)
        value = array.reshape(-1)[0]
        whole = array.dtype.kind == "f" and float(value).is_integer()
        try:
            text = value.decode("utf-8") if isinstance(value, bytes) else str(int(value) if whole else value)
        except UnicodeDecodeError:
            raise DataError.at("not UTF-8 text", file=path, column=key, remedy="Write it as text.") from None
        scalars[key] = text.strip()
    return scalars


def _arrays(path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            if any(entry.file_size > MAX_BYTES for entry in archive.infolist()):
                raise _fault(f"an array of more than {MAX_BYTES:,} bytes", path)
        with np.load(path, allow_pickle=False) as archive:
            absent = [key for key in keys if key not in archive.files]
            if absent:
                what = f"expected {', '.join(KEYS)}; found {lookup.listed(archive.files)}"
                raise _fault(what, path, column=absent[0])
            return {key: archive[key] for key in keys}
    except DataError:
        raise
    except Exception:
        # A hostile zip makes numpy raise anything, and an array of Python objects a ValueError.
        what = "damaged, or an array that would have to be unpickled, which is refused"
        raise _fault(what, path) from None


def _fault(
    what: str, path: Path, *, column: str | None = None, remedy: str = "Download the file again."
) -> DataError:
    """An error that counts the files of a folder by name instead of naming one, which is a patient's."""
    number = sorted(path.parent.glob("*.npz")).index(path) + 1
    return DataError.at(f"file {number:,} by name: {what}", file=path.parent, column=column, remedy=remedy)


def _write_png(wanted: Path, png: Path) -> None:
    source = wanted.with_suffix(".npz")
    image = _arrays(source, KEYS[:1])["slo_fundus"]
    plane = image.ndim == 2 and image.size > 0 and image.dtype.kind in "uif"
    if not plane or not (0 <= image.min() <= image.max() <= 255):
        what = f"expected [height, width] with 0 to 255, found {list(image.shape)} of {image.dtype}"
        raise _fault(what, source, column="slo_fundus")
    png.parent.mkdir(exist_ok=True)
    Image.fromarray(np.rint(image).astype(np.uint8)).save(png)
