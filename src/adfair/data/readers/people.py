"""One group for each patient, from everything that a source says of them, and the report of every raw text."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from adfair.data.readers.groups import (
    HISPANIC,
    TABLES,
    GroupTable,
    declared_groups,
    fold,
    load_groups,
    settle,
    words_of,
)
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import printable
from adfair.data.readers.source import Found
from adfair.data.schema import UNKNOWN
from adfair.data.validate import refuse
from adfair.errors import ConfigError, DataError


@dataclass(frozen=True)
class Grouped:
    """One attribute of a source.

    Attributes:
        groups: [N] the group of each row's patient: a declared group, ``Unknown`` or ``LEFT_OUT``.
        declared: groups for ``cohort.yaml``.
        conflicting: [N] true where the patient has two known groups.
        report: columns attribute, raw, group, images, patients.
    """

    groups: pd.Series
    declared: list[str]
    conflicting: pd.Series
    report: pd.DataFrame


def raw_attributes(found: Found) -> list[str]:
    """Attributes that the source speaks of, ``view`` apart: race, sex and ethnicity first."""
    named = [c.removeprefix("raw:") for c in found.rows.columns if c.startswith("raw:") and c != "raw:view"]
    usual = [name for name in ("race", "sex", "ethnicity") if name in {*named, *found.statements}]
    return list(dict.fromkeys([*usual, *named, *found.statements]))


def has_table(found: Found, attribute: str, options: ReadOptions) -> bool:
    """Whether there is a table of groups for an attribute: the user's or ours."""
    return attribute in options.maps or (TABLES / f"{found.tables.get(attribute, attribute)}.yaml").is_file()


def group_attribute(found: Found, attribute: str, *, options: ReadOptions) -> Grouped:
    """Map the raw texts of one attribute and settle on one group a patient.

    A patient's known groups decide; an unknown beside them is no conflict (our choice: a blank cell does not
    contradict). Two known groups are a conflict, which ``options.conflicting`` decides. A patient of whom any statement
    of race or ethnicity says Hispanic is so under all of them: another that gives a race alone does not deny it.

    Raises:
        ConfigError: the source does not speak of the attribute.
        DataError: a text in no table, or a conflict under ``conflicting=refuse``.
    """
    said, file = _said(found, attribute)
    table = load_groups(attribute, table=found.tables.get(attribute, attribute), options=options)
    words = words_of(said["raw"], table, attribute=attribute, options=options, file=file)
    if attribute == "race":
        stated = said["patient_id"][[HISPANIC in each for each in words]]
        hispanic = said["patient_id"].isin(_hispanic_patients(found, options) | set(stated))
        keys = pd.Series(list(zip(words, hispanic, strict=True)), index=said.index)
        choice = {key: settle(key[0], hispanic=key[1], options=options) for key in set(keys)}
        group = keys.map(choice)
    else:
        group = words.str[0]
    said = said.assign(group=group)
    settled, conflicting = _one_group_each(said, attribute=attribute, options=options, file=file)
    patients = found.rows["patient_id"]
    return Grouped(
        groups=patients.map(settled).astype(object).fillna(UNKNOWN).astype(str),
        declared=declared_groups(attribute, table, options),
        conflicting=patients.isin(conflicting),
        report=_report(found, said, attribute, table),
    )


def _said(found: Found, attribute: str) -> tuple[pd.DataFrame, Path]:
    """Columns patient_id and raw, and the file they are from."""
    if attribute in found.statements:
        other = found.statements[attribute]
        table = other.table[other.table["patient_id"].isin(found.rows["patient_id"])]
        if table.empty:
            # Everybody would be Unknown: ids that are written in two ways, not people of whom nothing is known.
            raise DataError.at(
                f"none of its patients is among those of {found.file.name}",
                file=other.file,
                remedy="Is it of the same data set, with the ids written alike?",
            )
        return table.assign(raw=table["raw"].str.strip()), other.file
    if f"raw:{attribute}" not in found.rows:
        raise ConfigError(
            f"{found.name} says nothing of '{attribute}'; it has {', '.join(raw_attributes(found))}"
        )
    raw = found.rows[f"raw:{attribute}"].str.strip()
    return pd.DataFrame({"patient_id": found.rows["patient_id"], "raw": raw}), found.file


def _hispanic_patients(found: Found, options: ReadOptions) -> set[str]:
    """Patients of whom any statement of ethnicity says Hispanic; nobody where the policy does not ask."""
    if options.hispanic == "race" or "ethnicity" not in raw_attributes(found):
        return set()
    said, file = _said(found, "ethnicity")
    table = load_groups("ethnicity", table=found.tables.get("ethnicity", "ethnicity"), options=options)
    words = words_of(said["raw"], table, attribute="ethnicity", options=options, file=file)
    return set(said["patient_id"][words.str[0].eq(HISPANIC)])


def _one_group_each(
    said: pd.DataFrame, *, attribute: str, options: ReadOptions, file: Path
) -> tuple[pd.Series, pd.Index]:
    """Patient -> group, and the patients whose known groups differ."""
    known = said[said["group"].ne(UNKNOWN)]
    first = known.drop_duplicates("patient_id").set_index("patient_id")["group"]
    differs = known["group"].ne(known["patient_id"].map(first))
    conflicting = pd.Index(known.loc[differs, "patient_id"].unique())
    if options.conflicting == "refuse":
        refuse(
            differs,
            f"this patient has another {attribute} in an earlier row",
            file=file,
            column=attribute,
            remedy="Correct it, or choose --set conflicting=drop, first, most_frequent or unknown.",
        )
    if options.conflicting == "most_frequent":
        counts = known.groupby(["patient_id", "group"], sort=False).size()
        most = counts.sort_values(ascending=False, kind="stable").reset_index()
        first = most.drop_duplicates("patient_id").set_index("patient_id")["group"]
    if options.conflicting == "unknown":
        first = first.mask(first.index.isin(conflicting), UNKNOWN)
    return first, conflicting


def _report(found: Found, said: pd.DataFrame, attribute: str, table: GroupTable) -> pd.DataFrame:
    """Images and patients of every raw text (see ``printable``), over all rows of the source.

    Of admissions, a text counts all images of the patients who have it, so that sums may exceed the total.
    """
    listed = [text for text in said["raw"].unique() if fold(text) in table.texts]
    said = said.assign(raw=printable(said["raw"], listed))
    if attribute in found.statements:
        images = found.rows.groupby("patient_id").size()
        said = said.drop_duplicates(["patient_id", "raw", "group"])
        said = said.assign(images=said["patient_id"].map(images))
    else:
        said = said.assign(images=1)
    counts = said.groupby(["raw", "group"]).agg(images=("images", "sum"), patients=("patient_id", "nunique"))
    ordered = counts.reset_index().sort_values(["group", "images"], ascending=[True, False])
    columns = ["attribute", "raw", "group", "images", "patients"]
    return ordered.assign(attribute=attribute)[columns].reset_index(drop=True)
