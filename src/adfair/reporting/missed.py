"""Images that a model missed, group by group: patient data, put on a page only when the user asks for it."""

from pathlib import Path

import numpy as np
import pandas as pd

from adfair.auditing.predictions import Predictions
from adfair.data.manifest import load_cohort
from adfair.data.schema import COHORT_FILE
from adfair.errors import DataError
from adfair.reporting.data import ReportData, Sample, SampleSheet, model_label
from adfair.reporting.samples import first_sample, read_manifest

NOT_FOUND = "image not found"


def missed_sheet(root: Path, data: ReportData) -> SampleSheet | None:
    """For each group and finding the positive image that the candidate scored lowest, if below its threshold.

    Args:
        root: the cohort's folder, or one with a manifest of ``image_id`` and ``image_path`` alone. data: with
            predictions; the first attribute gives the rows.

    Raises:
        DataError: the folder holds no manifest with ``image_id`` and ``image_path``, or no valid cohort.
        MissingExtraError: a missed image is DICOM, and the extra ``dicom`` is not installed.
    """
    images, table = _manifest(Path(root))
    model = next((m for m in reversed(data.models[:2]) if m in data.predictions), None)
    attribute = data.attributes[0] if data.attributes else ""
    if model is None or attribute not in {a.name for a in data.predictions[model].attributes}:
        return None
    found = data.predictions[model]
    by_id = table.assign(image_id=table["image_id"].astype(str)).set_index("image_id", drop=False)
    groups = next(a for a in found.attributes if a.name == attribute)
    rows = tuple(
        (
            name,
            tuple(_one(images, by_id, data, model, f, groups.codes == i, name) for f in found.findings),
        )
        for i, name in enumerate(groups.groups)
    )
    return SampleSheet(attribute, found.findings, rows, f"Missed by {model_label(model)}")


def _manifest(root: Path) -> tuple[Path, pd.DataFrame]:
    """The folder that images lie in and the manifest; a cohort may keep its images elsewhere (``image_root``)."""
    if (root / COHORT_FILE).is_file():
        cohort = load_cohort(root)
        return cohort.image_root, cohort.table
    table = read_manifest(root)
    if table is None or not {"image_id", "image_path"} <= set(table.columns):
        raise DataError.at(
            "no manifest with image_id and image_path", file=root, remedy="Give the cohort's folder"
        )
    return root, table


def _one(
    root: Path,
    table: pd.DataFrame,
    data: ReportData,
    model: str,
    finding: str,
    members: np.ndarray,
    group: str,
) -> Sample | None:
    found = data.predictions[model]
    chosen = data.get("threshold", model=model, finding=finding)
    if chosen is None or not chosen.defined:
        return None
    name = _lowest(found, finding, members, chosen.value)
    if name is None:
        return None
    # An image was missed; where it cannot be shown, the place must not say that there is none.
    text = f"{group}, {finding}, missed"
    return first_sample(root, table.loc[table.index == name], text) or Sample("", text, fault=NOT_FOUND)


def _lowest(found: Predictions, finding: str, members: np.ndarray, threshold: float) -> str | None:
    column = found.findings.index(finding)
    score = np.where(members & (found.labels[:, column] == 1), found.scores[:, column], np.inf)
    lowest = int(np.nanargmin(score))
    return str(found.image[lowest]) if score[lowest] < threshold else None
