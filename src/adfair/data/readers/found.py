"""What a reader found in its source, and the shared way from there to a cohort.

A reader of a named data set is one function ``find(sources, options) -> Found`` that opens files and joins
tables. Everything that a user may decide (groups, sections, uncertain labels, views, splits, missing files)
happens here, in the same order for every data set, and each rule that drops rows is counted.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from adfair.data.images import Progress
from adfair.data.readers.options import ReadOptions, read_options
from adfair.data.readers.report import Flow, ImportReport
from adfair.errors import ConfigError


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
    """A source as it is, before any policy is applied.

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


def finish(
    found: Found,
    *,
    out: Path | str,
    options: ReadOptions | dict[str, Any] | Sequence[str] | None = None,
    copy: bool = False,
    force: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> ImportReport:
    """Apply the options to what was found and write the cohort.

    Args:
        found: from a reader.
        out: the cohort folder; appears only when it is complete.
        options: a ``ReadOptions``, a dict of its keys, or ``KEY=VALUE`` texts.
        copy: put the images into the cohort; without it ``cohort.yaml`` points at their folder.
        force: replace a cohort that is there.
        seed: of a seeded split, and of sentences made from labels.
        progress: called with 1 for every image copied.

    Raises:
        ConfigError: an option is wrong.
        DataError: a row of the source is wrong (its row number is the source's), or ``out`` is taken.
    """
    raise NotImplementedError


def lazy_reader(module: str) -> Callable[..., ImportReport]:
    """The ``read`` function of a registry entry: imports ``adfair.data.readers.MODULE`` only when called.

    Args:
        module: has ``find(sources: list[Path], options: ReadOptions) -> Found``.
    """

    def read(
        source: Path | str | Sequence[Path | str],
        *,
        mapping: object = None,
        options: ReadOptions | dict[str, Any] | Sequence[str] | None = None,
        **rest: Any,
    ) -> ImportReport:
        if mapping is not None:
            raise ConfigError("--mapping belongs to the reader 'table'; replace a group table with --set maps.race=FILE")
        choices = read_options(options)
        sources = [Path(source)] if isinstance(source, str | Path) else [Path(each) for each in source]
        find = importlib.import_module(f"adfair.data.readers.{module}").find
        return finish(find(sources, choices), options=choices, **rest)

    return read
