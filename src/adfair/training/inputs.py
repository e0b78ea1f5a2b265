"""From a cohort's ``train`` split to arrays in memory, checked before training starts."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from adfair.data.images import load_images
from adfair.data.loader import TrainData
from adfair.data.manifest import Cohort, group_codes, labels
from adfair.data.text import label_reports
from adfair.errors import ConfigError, DataError


def reports_of(cohort: Cohort, table: pd.DataFrame, *, seed: int) -> list[str]:
    """The reports of a table, or sentences made from its labels where the cohort has none."""
    if cohort.has_reports:
        return table["report"].tolist()
    findings = cohort.info.findings
    return label_reports(labels(table, findings), findings, image_ids=table["image_id"], seed=seed)


def attribute_codes(cohort: Cohort, table: pd.DataFrame, attributes: Sequence[str]) -> dict[str, Tensor]:
    """Group codes of each attribute, int64 [N], -1 unknown.

    Raises:
        ConfigError: the cohort does not declare an attribute.
        DataError: fewer than two groups of it are known in the split, so that there is nothing to read.
    """
    codes = {}
    for name in attributes:
        if name not in cohort.info.attributes:
            raise ConfigError(
                f"objective.attributes: cohort '{cohort.info.name}' has no attribute '{name}'; "
                f"it declares {', '.join(cohort.info.attributes) or 'none'}"
            )
        code = group_codes(table[name], cohort.info.attributes[name])
        if len(np.unique(code[code >= 0])) < 2:
            raise DataError.at(
                "fewer than two groups are known in the split 'train'",
                file=cohort.root,
                column=name,
                remedy="Take it out of objective.attributes.",
            )
        codes[name] = torch.from_numpy(code)
    return codes


def train_data(
    cohort: Cohort,
    *,
    attributes: Sequence[str],
    image_size: int,
    tokenize: Callable[[Sequence[str]], Tensor],
    seed: int,
) -> TrainData:
    """Decode and tokenise the whole ``train`` split. Raises DataError for a missing or damaged image."""
    table = cohort.split("train")
    codes = attribute_codes(cohort, table, attributes)
    return TrainData(
        images=torch.from_numpy(load_images(cohort, table, size=image_size)),
        tokens=tokenize(reports_of(cohort, table, seed=seed)),
        codes=codes,
        group_counts={name: len(cohort.info.attributes[name]) for name in attributes},
    )
