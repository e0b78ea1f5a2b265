"""Images that a model missed, group by group: patient data, put on a page only when the user asks for it."""

from pathlib import Path

import numpy as np
import pandas as pd

from adfair.auditing.predictions import Predictions
from adfair.errors import DataError
from adfair.reporting.data import ReportData, Sample, SampleSheet, model_label
from adfair.reporting.samples import first_sample, read_manifest


def missed_sheet(root: Path, data: ReportData) -> SampleSheet | None:
    """For each group and finding the positive image that the candidate scored lowest, if below its threshold.

    Args:
        root: the cohort's folder. data: with predictions; the first attribute gives the rows.

    Raises:
        DataError: the folder holds no manifest with ``image_id`` and ``image_path``.
    """
    table = read_manifest(Path(root))
    if table is None or not {"image_id", "image_path"} <= set(table.columns):
        raise DataError.at(
            "no manifest with image_id and image_path", file=root, remedy="Give the cohort's folder"
        )
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
            tuple(_one(Path(root), by_id, data, model, f, groups.codes == i, name) for f in found.findings),
        )
        for i, name in enumerate(groups.groups)
    )
    return SampleSheet(attribute, found.findings, rows, f"Missed by {model_label(model)}")


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
    rows = table.loc[table.index == name] if name is not None else table.iloc[:0]
    return first_sample(root, rows, f"{group}, {finding}, missed")


def _lowest(found: Predictions, finding: str, members: np.ndarray, threshold: float) -> str | None:
    column = found.findings.index(finding)
    score = np.where(members & (found.labels[:, column] == 1), found.scores[:, column], np.inf)
    lowest = int(np.nanargmin(score))
    return str(found.image[lowest]) if score[lowest] < threshold else None
