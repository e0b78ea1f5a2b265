"""Pool images to studies or patients before an audit."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from adfair.auditing.attributes import binned
from adfair.auditing.formats import recognise, refuse
from adfair.auditing.predictions import source_name
from adfair.auditing.reading import as_frame, empty, numbers
from adfair.errors import ConfigError, DataError

Pooling = Literal["max", "mean"]
Level = Literal["patient", "study"]


def aggregate_images(
    table: pd.DataFrame | Path | str,
    *,
    pooling: Pooling,
    level: Level = "patient",
    bins: Mapping[str, Sequence[float]] | None = None,
    disagreed: dict[str, int] | None = None,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """One row a patient (or study) and finding: the label is 1 if any image's is, the score is max or mean.

    Rows with an empty or uncertain label are left out first. Other columns keep their value where all images
    of the unit agree and become unknown where they do not, because no single value is true of the unit. Of a column
    of ``bins`` (its edges) the images agree where they lie in one bin, and the first value stands for it.

    Args:
        disagreed: is told by column how many units became unknown. notes: are told how many rows have no label.

    Raises:
        DataError: the id column is missing. ConfigError: an unknown pooling or level.
    """
    if pooling not in ("max", "mean") or level not in ("patient", "study"):
        raise ConfigError(f"aggregate '{pooling}' to '{level}': use max or mean, and patient or study")
    source = source_name(table)
    said = [] if notes is None else notes
    frame = as_frame(table, notes=said)
    key = f"{level}_id"
    if key not in frame.columns:
        raise DataError.at(
            "no such column", file=source, column=key, remedy=f"It is needed to aggregate to {level}"
        )
    layout = recognise(frame, source=source)
    group = [key, *([layout.finding] if layout.finding else [])]
    _check_rows(frame, group, source=source)
    columns: dict[str, pd.Series] = {}
    unlabelled = 0
    for _, label_name, score_name in layout.pairs:
        label = pd.Series(numbers(frame[label_name], source=source))
        score = pd.Series(numbers(frame[score_name], source=source))
        used = label >= 0
        unlabelled += int((~used).sum())
        by = [frame[name] for name in group]
        columns[label_name] = label.where(used).groupby(by).max()
        columns[score_name] = score.where(used).groupby(by).agg(pooling)
    if unlabelled:
        said.append(f"{unlabelled} image-findings with an empty or uncertain (-1) label were not pooled")
    skip = {*group, *layout.used, "image_id"}
    others = [name for name in frame.columns if name not in skip]
    unit = frame.groupby(key)
    pooled = pd.DataFrame(columns).reset_index()
    for name in others:
        cuts = (bins or {}).get(name)
        told = frame[name] if cuts is None else pd.Series(binned(frame[name], cuts, source=source).codes)
        same = told.groupby(frame[key].to_numpy()).nunique(dropna=False) == 1
        pooled[name] = pooled[key].map(unit[name].first().where(same))
        if disagreed is not None and not same.all():
            disagreed[name] = int((~same).sum())
    pooled["image_id"] = pooled[key]
    return pooled.replace({None: np.nan})


def _check_rows(frame: pd.DataFrame, group: list[str], *, source: str) -> None:
    """Grouping would silently drop rows without a key and pool an image that is there twice."""
    for name in group:
        refuse(empty(frame[name]), "empty", source=source, column=name, remedy="Fill it before pooling")
    if "image_id" in frame.columns:
        repeated = frame.duplicated(["image_id", *group[1:]]).to_numpy()
        what = "this image and finding already have a row"
        refuse(repeated, what, source=source, column="image_id", remedy="Keep one row each")
