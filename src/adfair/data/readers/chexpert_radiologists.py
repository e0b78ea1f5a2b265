"""CheXpert's official test set: the labels of ``groundtruth.csv``, a row a study, spread on the images of each study.

The table is given out apart from the images (rajpurkarlab/cheXpert-test-set-labels) and has no sex, age or view; the
view is read from the name of the file. Labels are the majority of five radiologists, 0 or 1.
"""

import os
import re
from pathlib import Path

import pandas as pd

from adfair.data.paths import outside_by_text
from adfair.data.readers.chexpert_labels import FINDINGS
from adfair.data.readers.sources import read_columns
from adfair.data.validate import refuse

GROUNDTRUTH = "groundtruth.csv"
_IMAGE = re.compile(r"view[0-9]+_(frontal|lateral)\.(?:jpg|png)")


def read_groundtruth(file: Path, *, roots: list[Path], prefix: str) -> pd.DataFrame:
    """A row for every image of the test set.

    Args:
        file: the table.
        roots: folders that may hold ``test/``.
        prefix: expression for what stands before ``test/`` in the table and not on the disk.

    Returns:
        Columns Path, Frontal/Lateral and the 14 findings, by study and then by file name; a study without a file has
        one row, whose file is not there: it is then refused or dropped as any other.

    Raises:
        DataError: another header, a study twice, or one whose path leads elsewhere.
    """
    table = read_columns(file, ["Study", *FINDINGS])
    studies = table["Study"].str.replace(prefix, "", regex=True).str.rstrip("/")
    remedy = "Expected is CheXpert-v1.0/test/patient64741/study1 and the like; download the table again."
    stray = outside_by_text(studies) | ~studies.str.fullmatch(r"(?:.*/)?patient[^/]+/study[^/]+")
    refuse(stray, "no path of a study", file=file, column="Study", remedy=remedy)
    what = "this study is listed in an earlier row"
    refuse(studies.duplicated(), what, file=file, column="Study", remedy="Remove one of the rows.")
    root = max(roots, key=lambda each: sum(os.path.isdir(each / study) for study in studies))
    names = studies.map(lambda study: _images(root / study))
    rows = table.assign(Path=studies, name=names).explode("name", ignore_index=True)
    side = rows["name"].str.extract(_IMAGE, expand=False).str.capitalize()
    rows["Path"] = rows["Path"] + "/" + rows["name"]
    return rows.assign(**{"Frontal/Lateral": side})[["Path", "Frontal/Lateral", *FINDINGS]]


def _images(folder: Path) -> list[str]:
    there = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in there if _IMAGE.fullmatch(name)) or ["view1_frontal.jpg"]
