"""A dataset object of torchxrayvision, or any like it, as a cohort (Cohen et al., MIDL 2022).

    dataset = torchxrayvision.datasets.NIH_Dataset(imgpath=folder, views=["PA", "AP"], unique_patients=False)
    import_dataset(dataset, out="runs/nih")

Only the attributes ``.csv``, ``.labels``, ``.pathologies`` and ``.imgpath`` are used, so torchxrayvision itself
is not needed here. The object has left out rows already (by default it keeps one image of a patient, and PA
views alone); what it left out is not known here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adfair.data.readers.found import Found, finish
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import Flow, ImportReport
from adfair.errors import ConfigError, DataError

PATH_COLUMNS = ("Image Index", "ImageID", "Path", "imageid", "filename", "image_id")
"""Columns in which the data sets of torchxrayvision 1.x keep their file names, the likeliest first."""
VIEWS = {
    "PA": "PA",
    "AP": "AP",
    "AP Supine": "AP",
    "AP Erect": "AP",
    "L": "lateral",
    "LATERAL": "lateral",
    "LL": "lateral",
}
_UNNAMED = {"imageid": ".png"}  # names without their suffix


def import_dataset(
    dataset: Any,
    *,
    out: Path | str,
    paths: Sequence[str] | None = None,
    image_root: Path | str | None = None,
    name: str | None = None,
    options: ReadOptions | dict[str, Any] | Sequence[str] | None = None,
    **rest: Any,
) -> ImportReport:
    """Write a cohort of a dataset object. Arguments as of ``find_dataset`` and ``finish``."""
    found = find_dataset(dataset, paths=paths, image_root=image_root, name=name)
    return finish(found, out=out, options=options, **rest)


def find_dataset(
    dataset: Any,
    *,
    paths: Sequence[str] | None = None,
    image_root: Path | str | None = None,
    name: str | None = None,
) -> Found:
    """What a dataset object says.

    Args:
        dataset: with ``csv`` (a frame of N rows), ``labels`` [N, F] of 1, 0, NaN and ``pathologies`` [F].
        paths: [N] image files relative to ``image_root``, where none of the usual columns holds them (data
            sets that were merged, MIMIC).
        image_root: ``dataset.imgpath`` by default, also of the object that a subset or filter wraps.
        name: of the cohort; by default that of the class.

    Raises:
        ConfigError: the object lacks an attribute, or its files cannot be told.
        DataError: labels of another shape than [N, F], or a label that is none.
    """
    table, labels, findings = _parts(dataset)
    root = Path(image_root if image_root is not None else _image_root(dataset))
    kind = name or type(dataset).__name__
    label = _label_cells(labels, findings, rows=len(table))
    files = _files(table, paths)
    views = _text(table, "view").replace({"UNKNOWN": ""})
    patients = _text(table, "patientid")
    notes = ["The rows are those that the dataset object held; what it had left out is not counted here."]
    if patients.eq("").any():
        notes.append("The object names no patients: each image counts as a patient of its own.")
    columns = {
        "image_id": files.str.replace(r"\.[^./]*$", "", regex=True),
        "patient_id": patients.where(patients.ne(""), files),
        "image_path": files.str.removeprefix("CheXpert-v1.0-small/").str.removeprefix("CheXpert-v1.0/"),
        "view": views.map(lambda view: VIEWS.get(view, "other" if view else "")),
        "age": _text(table, "age_years").str.removesuffix(".0"),
        "raw:sex": _sex(table),
    }
    flow = Flow()
    flow.add("rows of the object", table, columns["patient_id"])
    return Found(
        name=kind,
        source=f"torchxrayvision, {type(dataset).__name__}",
        licence="that of the data set",
        file=root,
        rows=pd.DataFrame(columns).join(label),
        findings=findings,
        image_root=root,
        flow=flow,
        notes=notes,
    )


def _parts(dataset: Any) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    absent = [key for key in ("csv", "labels", "pathologies") if not hasattr(dataset, key)]
    if absent:
        raise ConfigError(f"the dataset object has no .{absent[0]}; expected .csv, .labels and .pathologies")
    findings = [str(each).replace("_", " ") for each in dataset.pathologies]
    return dataset.csv.reset_index(drop=True), np.asarray(dataset.labels, dtype=float), findings


def _image_root(dataset: Any) -> str:
    while not hasattr(dataset, "imgpath"):
        if not hasattr(dataset, "dataset"):
            raise ConfigError("the dataset object has no .imgpath: give image_root (and paths)")
        dataset = dataset.dataset
    return str(dataset.imgpath)


def _files(table: pd.DataFrame, paths: Sequence[str] | None) -> pd.Series:
    if paths is not None:
        if len(paths) != len(table):
            raise ConfigError(f"{len(paths):,} paths for {len(table):,} rows of the dataset object")
        return pd.Series([str(path) for path in paths], index=table.index)
    column = next((each for each in PATH_COLUMNS if each in table and table[each].notna().all()), None)
    if column is None:
        raise ConfigError(f"none of the columns {', '.join(PATH_COLUMNS)} names every file: give paths")
    return table[column].astype(str) + _UNNAMED.get(column, "")


def _text(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        return pd.Series("", index=table.index)
    return table[column].astype(object).where(table[column].notna(), "").astype(str).str.strip()


def _sex(table: pd.DataFrame) -> pd.Series:
    """F or M where one of the two flags is set, '' where none is or both are."""
    flags = [_text(table, f"sex_{sex}").str.lower().isin(["true", "1", "1.0"]) for sex in ("female", "male")]
    female, male = flags
    return pd.Series("", index=table.index).mask(female & ~male, "F").mask(male & ~female, "M")


def _label_cells(labels: np.ndarray, findings: list[str], *, rows: int) -> pd.DataFrame:
    if labels.shape != (rows, len(findings)):
        what = f"labels of shape {list(labels.shape)} for {rows:,} rows and {len(findings)} pathologies"
        raise DataError.at(what, remedy="Give the dataset object as torchxrayvision made it.")
    cells = pd.DataFrame(labels, columns=findings)
    strange = cells.notna() & ~cells.isin([0.0, 1.0, -1.0])
    if strange.to_numpy().any():
        row = int(strange.any(axis=1).to_numpy().argmax())
        raise DataError.at("a label that is none of 1, 0, -1 and NaN", row=row + 1, remedy="Correct it.")
    return cells.map(lambda value: "" if np.isnan(value) else f"{value:.0f}")
