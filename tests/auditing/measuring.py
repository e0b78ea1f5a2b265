"""What tests of rows share: a table measured, and its rows by metric."""

import numpy as np
import pandas as pd

from adfair.auditing import load_predictions
from adfair.auditing.measure import Measured, measure
from adfair.auditing.rows import Row
from adfair.auditing.settings import Settings


def measured(frame: pd.DataFrame, attribute: str = "race", **options: object) -> Measured:
    settings = Settings(**{"replicates": 0, "permutations": 0, "threads": 1} | options)
    predictions = load_predictions(frame, attributes=[attribute])
    return measure(predictions, np.full(len(predictions.findings), 0.5), settings)


def by_metric(rows: list[Row], finding: str) -> dict[str, Row]:
    return {r["metric"] + r["group"]: r for r in rows if r["finding"] == finding}


def without_positives(frame: pd.DataFrame, group: str) -> pd.DataFrame:
    return frame.assign(label=frame["label"].where(frame["race"] != group, 0))
