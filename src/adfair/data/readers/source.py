"""What a reader found in its source, before any policy is applied."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from adfair.data.readers.report import Flow


@dataclass(frozen=True)
class Statements:
    """What another table says of patients, several rows a patient allowed (hospital admissions).

    Attributes:
        table: columns ``patient_id`` and ``raw``, in the order of time; index = row of its file from 0.
        file: named in messages.
    """

    table: pd.DataFrame
    file: Path


@dataclass(frozen=True)
class Found:
    """A source as it is.

    Attributes:
        name, source, licence: of the cohort.
        file: the main table, named in messages; its rows are counted by the index of ``rows`` + 1.
        rows: text cells, index = 0-based row of ``file``. Columns ``image_id, patient_id, study_id,
            image_path, view, age, split`` (empty where the source says nothing; absent columns are empty),
            one column a finding ('1', '0', '-1', '' or the same with '.0'), report sections as
            ``section:findings``, ``section:impression``, ``section:report``, and raw demographics as
            ``raw:sex``, ``raw:race``, ``raw:ethnicity``, ... ``raw:view`` is mapped to ``view`` by the table
            ``view.yaml``; without it the reader writes AP, PA, frontal, lateral, other or '' to ``view``.
        findings: names of the finding columns.
        image_root: folder that ``image_path`` is relative to.
        flow: the rules already applied; its first step counts the rows of the source.
        notes: what a user must know, one sentence each.
        statements: attribute -> statements of another table; they replace ``raw:ATTRIBUTE`` of the rows.
        tables: attribute -> name of the group table in ``demographics/`` where it is not the attribute's own.
    """

    name: str
    source: str
    licence: str
    file: Path
    rows: pd.DataFrame
    findings: list[str]
    image_root: Path
    flow: Flow = field(default_factory=Flow)
    notes: list[str] = field(default_factory=list)
    statements: dict[str, Statements] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
