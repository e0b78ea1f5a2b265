"""What becomes of uncertain labels, and labels of studies on the images of each study.

``ones`` and ``zeros`` are the U-Ones and U-Zeros of Irvin et al. 2019 (CheXpert), ``ignore`` their U-Ignore; ``keep``
leaves -1 in the manifest, where every later step treats it as not known (our default).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd

from adfair.data.validate import refuse
from adfair.errors import ConfigError

UncertainPolicy = Literal["ones", "zeros", "ignore", "keep"]
POLICIES: tuple[str, ...] = get_args(UncertainPolicy)

BECOMES: dict[str, str] = {"ones": "1", "zeros": "0", "ignore": "", "keep": "-1"}
"""What an uncertain label becomes under each policy, as a manifest writes it."""


def apply_uncertain(labels: np.ndarray, policy: str) -> np.ndarray:
    """Replace -1 by what a policy says.

    Args:
        labels: [N, F] (or any shape) with 1, 0, -1 and NaN; not changed.
        policy: ``ones``, ``zeros``, ``ignore`` (becomes NaN, not mentioned) or ``keep``.

    Returns:
        float64, the same shape.

    Raises:
        ConfigError: there is no such policy.
    """
    if policy not in BECOMES:
        raise ConfigError(f"uncertain labels: no policy '{policy}'; choose one of {', '.join(POLICIES)}")
    values = np.asarray(labels, dtype=np.float64)
    return np.where(values == -1, float(BECOMES[policy] or "nan"), values)


def join_studies(
    images: pd.DataFrame, studies: pd.DataFrame, *, on: Sequence[str], file: Path
) -> tuple[pd.DataFrame, pd.Series]:
    """Give every image the labels (or texts) of its study.

    Args:
        images: [N] rows of text cells.
        studies: [S] rows of text cells, the columns ``on`` and those to be added; a study may be listed twice
            if both rows say the same.
        on: columns that name a study in both, for example ``subject_id`` and ``study_id``.
        file: the table of studies, named in messages; its rows are counted by its index.

    Returns:
        The images in their order and index with the columns added, empty where the study is not listed; and
        bool [N], true where it is.

    Raises:
        DataError: two rows of one study differ.
    """
    keys = list(on)
    distinct = studies.drop_duplicates()
    refuse(
        distinct.duplicated(keys),
        "the study is listed before with other values",
        file=file,
        column=keys[-1],
        remedy="Keep one of the two rows.",
    )
    joined = images[keys].merge(distinct, on=keys, how="left", validate="m:1", indicator="_listed")
    joined.index = images.index
    added = joined.drop(columns=[*keys, "_listed"]).fillna("")
    return images.join(added), joined["_listed"].eq("both")
