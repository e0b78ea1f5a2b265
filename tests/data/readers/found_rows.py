"""Six invented rows as a reader finds them, and what is made of them."""

from pathlib import Path
from typing import Any

import pandas as pd

from adfair.data.readers.found import Found, finish
from adfair.data.readers.report import ImportReport

ROWS = pd.DataFrame(
    [
        ["i0", "p0", "AP", "60", "train", "1.0", "F", "WHITE", "imp0", "fin0"],
        ["i1", "p0", "LL", "60", "train", "1.0", "F", "WHITE", "imp1", ""],
        ["i2", "p1", "PA", "058Y", "train", "-1.0", "Male", "PORTUGUESE", "", "fin2"],
        ["i3", "p2", "PA", "414", "val", "", "M", "HISPANIC OR LATINO", "imp3", "fin3"],
        ["i4", "p3", "AP", "", "test", "0.0", "", "UNKNOWN", "imp4", ""],
        ["i5", "p4", "AP", "7", "test", "0.0", "F", "ASIAN", "imp5", ""],
    ],
    columns=[
        "image_id", "patient_id", "raw:view", "age", "split", "Edema", "raw:sex", "raw:race",
        "section:impression", "section:findings",
    ],
)  # fmt: skip


def finish_found(found: Found, tmp_path: Path, **options: Any) -> ImportReport:
    return finish(found, out=tmp_path / "out", options=options, force=True)


def cohort_column(report: ImportReport, name: str) -> dict[str, Any]:
    return report.cohort.table.set_index("image_id")[name].to_dict()
