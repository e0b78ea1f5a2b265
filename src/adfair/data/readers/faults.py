"""Rows with a fault: an error that names the first one, or a counted skip within the share that is allowed."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from adfair.data.readers.report import Flow
from adfair.data.validate import refuse


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        bad: [N] booleans by the index of the rows.
        what: the fault, as a message and as a line of the exclusion flow.
        column: named in the message.
        remedy: what the user can do.
    """

    bad: pd.Series
    what: str
    column: str
    remedy: str


def without_faults(
    rows: pd.DataFrame, faults: list[Fault], *, max_bad: float, file: Path, flow: Flow, patients: pd.Series
) -> pd.DataFrame:
    """The rows that have none of the faults.

    Args:
        rows: [N] rows, index = row of ``file`` from 0.
        max_bad: share of the rows that may be skipped.
        flow: gets a step for each fault that occurs. patients: of the flow.

    Raises:
        DataError: more rows than ``max_bad`` allows have a fault; names the first row of the first fault.
    """
    faulty = [fault for fault in faults if fault.bad.any()]
    if not faulty:
        return rows
    bad = pd.concat([fault.bad for fault in faulty], axis=1).any(axis=1)
    if bad.sum() > max_bad * len(rows):
        first = faulty[0]
        share = f"{int(bad.sum()):,} of {len(rows):,} rows have a fault; --set max_bad=0.1% skips so many."
        refuse(first.bad, first.what, file=file, column=first.column, remedy=f"{first.remedy} {share}")
    for fault in faulty:
        rows = rows[~fault.bad.reindex(rows.index, fill_value=False)]
        flow.add(f"skipped: {fault.what}", rows, patients)
    return rows
