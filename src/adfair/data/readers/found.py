"""From what a reader found to a cohort: the way that all data sets share.

A reader of a named data set is one function ``find(sources, options) -> Found`` that opens files and joins
tables. Everything that a user may decide (groups, sections, uncertain labels, views, splits, missing files)
happens here, in the same order for every data set, and each rule that drops rows is counted.
"""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from adfair.data.images import Progress
from adfair.data.manifest import load_cohort, write_cohort
from adfair.data.readers.files import copy_images
from adfair.data.readers.options import ReadOptions, read_options
from adfair.data.readers.people import Grouped, group_attribute, has_table, raw_attributes
from adfair.data.readers.report import ImportReport
from adfair.data.readers.source import Found, Statements
from adfair.data.readers.tail import Tail
from adfair.data.schema import CohortInfo, parse_info
from adfair.data.staging import keep_inputs, kept_lists, kept_note, require_free, staged_folder
from adfair.data.validate import validate_table
from adfair.errors import ConfigError

__all__ = ["Found", "Statements", "finish", "lazy_reader"]


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

    Beside the manifest stand ``import_flow.csv`` (rows and patients left after each rule), ``import_groups.csv``
    (every raw text and its group) and ``import.yaml`` (options, seed, notes).

    Args:
        found: from a reader.
        out: the cohort folder; appears only when it is complete.
        options: a ``ReadOptions``, a dict of its keys, or ``KEY=VALUE`` texts.
        copy: put the images into the cohort; without it ``cohort.yaml`` points at their folder.
        force: replace a cohort that is there; its ``exclude_patients`` are kept.
        seed: of a seeded split, and of sentences made from labels.
        progress: called with 1 for every image copied.

    Raises:
        ConfigError: an option is wrong.
        DataError: a row of the source is wrong (its row number is the source's), ``out`` is taken, or a list of
            ``exclude_patients`` that it names has gone.
    """
    choices, out = read_options(options), Path(out)
    require_free(out, force=force)
    keep_inputs(out, [found.file, found.image_root])
    lists = kept_lists(out)
    asked = choices.attributes or [name for name in raw_attributes(found) if name in ("race", "sex")]
    grouped = _grouped(found, asked, choices)
    tail = Tail(found, choices)
    tail.skip_faults()
    tail.keep_views()
    tail.find_files()
    tail.set_groups({name: grouped[name] for name in asked})
    tail.set_labels()
    tail.set_reports(seed=seed)
    tail.set_splits(seed=seed)
    tail.notes += kept_note(lists)
    info = _declaration(found, tail, {name: grouped[name] for name in asked}, copy=copy, lists=lists)
    validate_table(tail.manifest(), info, file=found.file)
    none = pd.DataFrame(columns=["attribute", "raw", "group", "images", "patients"])
    groups = pd.concat([each.report for each in grouped.values()] or [none], ignore_index=True)
    with staged_folder(out, force=force) as staging:
        if copy:
            copy_images(tail.rows["image_path"], root=found.image_root, out=staging, progress=progress)
        write_cohort(staging, info, tail.manifest())
        _write_record(staging, groups=groups, tail=tail, seed=seed)
    return ImportReport(cohort=load_cohort(out), flow=tail.flow.table(), groups=groups, notes=tail.notes)


def _grouped(found: Found, asked: list[str], options: ReadOptions) -> dict[str, Grouped]:
    """Attributes of the cohort, and for the report alone the others that the source speaks of and we have a table for."""
    lenient = options.model_copy(update={"other": "unknown", "conflicting": "unknown"})
    others = [name for name in raw_attributes(found) if name not in asked and has_table(found, name, options)]
    grouped = {name: group_attribute(found, name, options=options) for name in dict.fromkeys(asked)}
    return grouped | {name: group_attribute(found, name, options=lenient) for name in others}


def _write_record(folder: Path, *, groups: pd.DataFrame, tail: Tail, seed: int) -> None:
    """What the import did, beside the manifest: the tables a paper needs, and the options to repeat it."""
    tail.flow.table().to_csv(folder / "import_flow.csv", index=False)
    groups.to_csv(folder / "import_groups.csv", index=False)
    record = {"seed": seed, "notes": tail.notes, "options": tail.options.model_dump(mode="json")}
    text = yaml.safe_dump(record, sort_keys=False, allow_unicode=True)
    (folder / "import.yaml").write_text(text, encoding="utf-8")


def _declaration(
    found: Found, tail: Tail, grouped: dict[str, Grouped], *, copy: bool, lists: list[str]
) -> CohortInfo:
    declared = {
        "name": found.name,
        "findings": found.findings,
        "attributes": {name: each.declared for name, each in grouped.items()},
        "splits": tail.split_names(),
        "source": found.source,
        "licence": found.licence,
        "image_root": None if copy else str(found.image_root.resolve()),
        "exclude_patients": lists,
    }
    return parse_info(declared, file=found.file)


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
            raise ConfigError(
                "--mapping belongs to the reader 'table'; replace a group table with --set maps.race=FILE"
            )
        choices = read_options(options)
        sources = [Path(source)] if isinstance(source, str | Path) else [Path(each) for each in source]
        find = importlib.import_module(f"adfair.data.readers.{module}").find
        return finish(find(sources, choices), options=choices, **rest)

    return read
