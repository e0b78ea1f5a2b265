"""Import any table with one row an image, by a column mapping.

    import_table("data.csv", out="runs/cohort", mapping="mapping.yaml")

``examples/mappings`` holds mappings to start from; ``adfair.data.readers.mapping`` documents every key.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from adfair.data.images import Progress
from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.data.readers import cells
from adfair.data.readers.files import copy_images, locate
from adfair.data.readers.mapping import Mapping, load_mapping
from adfair.data.readers.report import Flow, ImportReport, count_groups
from adfair.data.schema import CohortInfo, parse_info
from adfair.data.split import split_patients, stratum_columns
from adfair.data.staging import keep_inputs, kept_lists, kept_note, require_free, staged_folder
from adfair.data.tables import read_text_table
from adfair.data.text import label_reports
from adfair.data.validate import refuse, validate_table
from adfair.errors import ConfigError, DataError

_LONGEST_SPLIT = 24
_SEPARATORS = {";": "semicolon", "\t": "tab", "|": "vertical bar", ",": "comma"}


def import_table(
    source: Path | str | Sequence[Path | str],
    *,
    out: Path | str,
    mapping: Path | str | dict[str, Any] | None = None,
    options: Sequence[str] = (),
    copy: bool = False,
    force: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> ImportReport:
    """Make a cohort of a CSV, TSV or parquet table.

    Args:
        source: the table.
        out: the cohort folder; appears only when it is complete.
        mapping: a YAML file or a dict, see ``adfair.data.readers.mapping.Mapping``.
        options: none; what other readers take here stands in the mapping.
        copy: put the images into the cohort; without it ``cohort.yaml`` points at their folder.
        force: replace a cohort that is there; its ``exclude_patients`` are kept.
        seed: of the split by patient, when the mapping asks for one.
        progress: called with 1 for every image copied.

    Raises:
        ConfigError: the mapping is wrong or absent.
        DataError: a row of the source is wrong (its row number is the source's), ``out`` is taken, or a list of
            ``exclude_patients`` that it names has gone.
    """
    if options:
        raise ConfigError("the reader 'table' has no --set; its choices stand in the mapping")
    file = _one_source(source)
    if mapping is None:
        raise ConfigError(
            "the reader 'table' needs --mapping FILE; examples/mappings holds some to start from"
        )
    rules, out = load_mapping(mapping), Path(out)
    require_free(out, force=force)
    root = (file.parent / rules.images.root).resolve()
    keep_inputs(out, [file, root])
    lists = kept_lists(out)
    info = _declaration(
        rules, image_root=None if copy else str(root), lists=lists, file=_named(mapping, file)
    )
    flow, table = _kept_rows(_read(file, rules), rules, file=file)
    ours, notes = _our_columns(table, rules, file=file, seed=seed)
    with _their_columns(rules):
        ours = _with_files(ours, rules, flow, root=root, file=file)
        ours = _with_text(ours, rules, flow, notes, file=file, seed=seed)
        info = info.model_copy(update={"splits": _split_names(ours)})
        validate_table(ours, info, file=file)
    raw = {
        name: cells.raw_text(table, rule, file=file)[ours.index] for name, rule in rules.attributes.items()
    }
    cohort = _write(ours, info, out=out, root=root if copy else None, force=force, progress=progress)
    listed = {name: [*rule.map, *rule.groups] for name, rule in rules.attributes.items()}
    groups = count_groups(raw, ours[list(raw)], ours["patient_id"], listed=listed)
    return ImportReport(cohort=cohort, flow=flow.table(), groups=groups, notes=notes + kept_note(lists))


@contextmanager
def _their_columns(rules: Mapping) -> Iterator[None]:
    """In errors, name the column of the source that one of ours was read from."""
    try:
        yield
    except DataError as error:
        text = str(error)
        for ours in ("image_id", "patient_id", "study_id", "image_path", "report", "view", "split"):
            theirs = getattr(getattr(rules, ours), "column", None)
            if theirs not in (None, ours) and f"column '{ours}'" in text:
                text = text.replace(f"column '{ours}'", f"column '{theirs}' (our '{ours}')", 1)
                break
        raise DataError(text) from None


def _one_source(source: Path | str | Sequence[Path | str]) -> Path:
    sources = [source] if isinstance(source, str | Path) else list(source)
    if len(sources) != 1:
        raise ConfigError(f"the reader 'table' takes one table, not {len(sources)}")
    return Path(sources[0])


def _read(file: Path, rules: Mapping) -> pd.DataFrame:
    """The table; without its first line repeated where that may be a patient's cells, as in a file without a header."""
    table = read_text_table(file, encoding=rules.encoding)
    if rules.columns.isdisjoint(table.columns):
        raise DataError.at(
            "no column that the mapping names is there",
            file=file,
            remedy="The first line must name the columns, as the mapping does." + _other_separator(table),
        )
    return table


def _other_separator(table: pd.DataFrame) -> str:
    """A sentence where the only column holds what other programs put between cells."""
    if len(table.columns) > 1:
        return ""
    there = [name for mark, name in _SEPARATORS.items() if mark in table.columns[0]]
    if not there:
        return ""
    return (
        f" It has {there[0]}s and no other separator: cells of .csv are separated by commas, of .tsv by tabs; save the "
        "table so, or rename it."
    )


def _kept_rows(table: pd.DataFrame, rules: Mapping, *, file: Path) -> tuple[Flow, pd.DataFrame]:
    flow = Flow()
    patients = cells.raw_text(table, rules.patient_id, file=file) if rules.patient_id else None
    flow.add("rows of the table", table, patients)
    for rule in rules.keep:
        table = table[cells.passes(table, rule, file=file)]
        test = f"is {'' if rule.empty else 'not '}empty" if rule.empty is not None else "is one of those kept"
        flow.add(
            f"'{rule.column}' {f'is {rule.equals}' if rule.equals is not None else test}", table, patients
        )
    if table.empty:
        raise DataError.at(
            "no row is left after 'keep'", file=file, remedy="Correct the filters of the mapping."
        )
    return flow, table


def _our_columns(
    table: pd.DataFrame, rules: Mapping, *, file: Path, seed: int
) -> tuple[pd.DataFrame, list[str]]:
    """Our columns as text, index as in the source, and notes on what was assumed."""
    notes = []
    ours = pd.DataFrame({"image_id": cells.mapped_text(table, rules.image_id, file=file)})
    if rules.patient_id is None:
        notes.append("The mapping names no patient_id: each image counts as a patient of its own.")
    ours["patient_id"] = cells.mapped_text(table, rules.patient_id or rules.image_id, file=file)
    for name in ("study_id", "image_path", "report", "view"):
        ours[name] = cells.mapped_text(table, getattr(rules, name), file=file)
    ours["age"], invalid = cells.age_text(table, rules.age, file=file)
    if invalid:
        notes.append(f"{invalid:,} cells of age were no age and are set to unknown.")
    for name, rule in rules.attributes.items():
        groups = cells.group_text(table, rule, name=name, file=file)
        ours[name], said = cells.one_group(groups, ours["patient_id"], rule, name=name, file=file)
        notes += said
    for name, finding in rules.findings.items():
        ours[name] = cells.finding_text(table, finding, name=name, file=file)
    if rules.labels:
        listed, said = cells.listed_findings(table, rules.labels, file=file)
        ours = pd.concat([ours, listed], axis=1)
        notes += said
    ours["split"] = _splits(table, ours, rules, file=file, seed=seed)
    absent = [name for name in ("train", "val", "test") if name not in set(ours["split"])]
    if absent:
        notes.append(f"No image is in split {', '.join(absent)}; map the source's own names to these.")
    return ours, notes


def _splits(table: pd.DataFrame, ours: pd.DataFrame, rules: Mapping, *, file: Path, seed: int) -> pd.Series:
    if rules.split.fractions is None:
        names = cells.mapped_text(table, rules.split, file=file)
        # They are declared in cohort.yaml and printed, so a report in the wrong column must not pass for one.
        refuse(
            names.str.len().gt(_LONGEST_SPLIT),
            f"the name of a split has more than {_LONGEST_SPLIT} characters",
            file=file,
            column=rules.split.column or "split",
            remedy="Correct the cell or the mapping.",
        )
        return names
    strata = stratum_columns(ours, attributes=list(rules.attributes), findings=rules.finding_names)
    return split_patients(ours["patient_id"], fractions=rules.split.fractions, seed=seed, strata=strata)


def _with_text(
    ours: pd.DataFrame, rules: Mapping, flow: Flow, notes: list[str], *, file: Path, seed: int
) -> pd.DataFrame:
    """What ``no_text`` says of rows without a report; a cohort without any report stays as it is."""
    empty = ours["report"].str.strip().eq("")
    if empty.all() or not empty.any():
        return ours
    if rules.no_text == "refuse":
        refuse(
            empty,
            "the report is empty, and others are not",
            file=file,
            column="report",
            remedy="Write 'no_text: drop' or 'no_text: labels' (sentences from their labels) in the mapping, or leave "
            "'report' out for sentences from labels everywhere.",
        )
    if rules.no_text == "drop":
        flow.add("the report is not empty", ours[~empty], ours["patient_id"])
        return ours[~empty]
    labels = ours.loc[empty, rules.finding_names].apply(pd.to_numeric).to_numpy(dtype=float)
    made = label_reports(labels, rules.finding_names, image_ids=ours["image_id"][empty], seed=seed)
    notes.append(f"{len(made):,} rows without a report speak by their labels.")
    ours.loc[empty, "report"] = made
    return ours


def _with_files(ours: pd.DataFrame, rules: Mapping, flow: Flow, *, root: Path, file: Path) -> pd.DataFrame:
    ours["image_path"] = locate(ours["image_path"], rules.images, root=root, file=file)
    present = ours[ours["image_path"].ne("")]
    if len(present) < len(ours):
        flow.add("the image file is there", present, ours["patient_id"])
    if present.empty:
        raise DataError.at(
            "none of the image files is there", file=root, remedy="Correct 'images' in the mapping."
        )
    return present


def _named(mapping: Path | str | dict[str, Any], file: Path) -> Path:
    return file if isinstance(mapping, dict) else Path(mapping)


def _declaration(rules: Mapping, *, image_root: str | None, lists: list[str], file: Path) -> CohortInfo:
    declared = {
        "name": rules.name,
        "findings": rules.finding_names,
        "attributes": {name: rule.groups for name, rule in rules.attributes.items()},
        "source": rules.source,
        "licence": rules.licence,
        "image_root": image_root,
        "exclude_patients": lists,
    }
    return parse_info(declared, file=file)


def _split_names(ours: pd.DataFrame) -> list[str]:
    """The splits that occur, the usual three first; an empty cell is left for the validator to refuse."""
    found = list(dict.fromkeys(ours["split"]))
    usual = [name for name in ("train", "val", "test") if name in found]
    return usual + [name for name in found if name and name not in usual]


def _write(
    ours: pd.DataFrame,
    info: CohortInfo,
    *,
    out: Path,
    root: Path | None,
    force: bool,
    progress: Progress | None,
) -> Cohort:
    with staged_folder(out, force=force) as staging:
        if root is not None:
            copy_images(ours["image_path"], root=root, out=staging, progress=progress)
        write_cohort(staging, info, ours)
    return load_cohort(out)
