"""A contact sheet of a synthetic cohort: one image a group and finding. Images are read as evaluation reads them."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from adfair.data.images import read_image
from adfair.errors import DataError
from adfair.reporting.data import Sample, SampleSheet

NO_FINDING = "No finding"
NOT_READABLE = "image not readable"
LARGEST_SIDE = 128


def read_manifest(root: Path) -> pd.DataFrame | None:
    """The manifest of a cohort's folder as text where it is CSV, or ``None`` without one."""
    if (root / "manifest.csv").is_file():
        return pd.read_csv(root / "manifest.csv", keep_default_na=False, low_memory=False)
    return pd.read_parquet(root / "manifest.parquet") if (root / "manifest.parquet").is_file() else None


def _data_uri(path: Path) -> str:
    # Decoding and encoding again leaves nothing of the file but its pixels.
    grey = Image.fromarray(read_image(path))
    grey.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    grey.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def first_sample(root: Path, rows: pd.DataFrame, description: str) -> Sample | None:
    """The first row's image, re-encoded; ``None`` without rows or when the path leaves the folder.

    A file that is no image says so in its place. Raises MissingExtraError for DICOM without the extra.
    """
    for relative in rows["image_path"].astype(str).head(1):
        path = (root / relative).resolve()
        if path.is_relative_to(root.resolve()) and path.is_file():
            try:
                return Sample(_data_uri(path), description)
            except DataError:  # its message names the file, which can give a patient away
                return Sample("", description, fault=NOT_READABLE)
    return None


def _only(table: pd.DataFrame, findings: list[str], wanted: str) -> "pd.Series[bool]":
    positive = table[findings].apply(pd.to_numeric, errors="coerce").eq(1)
    if wanted == NO_FINDING:
        return ~positive.any(axis=1)
    return positive[wanted] & (positive.sum(axis=1) == 1)


def sample_sheet(root: Path, cohort: Mapping[str, Any], *, attribute: str) -> SampleSheet | None:
    """The first test image of every group (rows) with exactly one finding (columns).

    ``None`` when the folder holds no cohort with that attribute.
    """
    table, findings = read_manifest(root), [str(f) for f in cohort.get("findings", ())]
    groups = [str(g) for g in cohort.get("attributes", {}).get(attribute, ())]
    if table is None or not groups or not {*findings, attribute, "image_path"} <= set(table.columns):
        return None
    if "split" in table:
        table = table[
            table["split"] == ("test" if (table["split"] == "test").any() else table["split"].iloc[0])
        ]
    columns = (NO_FINDING, *findings)
    matches = {column: _only(table, findings, column) for column in columns}
    rows = tuple(
        (
            group,
            tuple(
                first_sample(root, table[matches[c] & (table[attribute] == group)], f"{group}, {c}")
                for c in columns
            ),
        )
        for group in groups
    )
    return SampleSheet(attribute, columns, rows)
