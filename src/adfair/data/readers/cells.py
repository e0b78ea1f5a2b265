"""Turn the cells of a foreign table into ours, one rule at a time."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.data.readers.mapping import OF_A_PERSON, AttributeRule, FieldRule, Filter, LabelList
from adfair.data.schema import MAX_AGE, UNKNOWN
from adfair.data.validate import LABELS, refuse, shown, shown_name
from adfair.errors import DataError

_AGE_UNITS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_MOST_NAMES, _LONGEST_NAME, _NAMES_SHOWN = 300, 40, 30  # more or longer, and the column is no list of names
_AGE = r"^\s*([0-9]{1,3}(?:\.[0-9]*)?)\s*([YMWD]?)\s*$"


def require(table: pd.DataFrame, column: str, *, file: Path) -> pd.Series:
    """A source column without blanks around its cells. Raises DataError listing the columns there are."""
    if column not in table:
        there = ", ".join(shown_name(str(name)) for name in table.columns[:40])
        raise DataError.at(
            "the mapping names a column that the table lacks",
            file=file,
            column=column,
            remedy=f"It has: {there}.",
        )
    return table[column].str.strip()


def raw_text(table: pd.DataFrame, rule: FieldRule, *, file: Path) -> pd.Series:
    """The source text that a rule points at, before its map: string [N]."""
    if rule.column is not None:
        text = require(table, rule.column, file=file)
    else:
        text = _fill(table, rule.template or "", file=file)
    return text.str.replace(r"^.*/|\.[^./]*$", "", regex=True) if rule.stem else text


def _fill(table: pd.DataFrame, template: str, *, file: Path) -> pd.Series:
    text = pd.Series("", index=table.index, dtype=object)
    for position, piece in enumerate(re.split(r"\{([^{}]*)\}", template)):
        # re.split alternates between the text around the braces and the names within them.
        text = text + (require(table, piece, file=file).astype(object) if position % 2 else piece)
    return text.astype(str)


def mapped_text(table: pd.DataFrame, rule: FieldRule | None, *, file: Path) -> pd.Series:
    """The text of one of our columns; empty where there is no rule."""
    if rule is None:
        return pd.Series("", index=table.index, dtype=str)
    return raw_text(table, rule, file=file).replace(rule.map)


def group_text(table: pd.DataFrame, rule: AttributeRule, *, name: str, file: Path) -> pd.Series:
    """The group of each row. Raises DataError at a text that is neither mapped nor declared."""
    text = mapped_text(table, rule, file=file).replace(UNKNOWN, "")
    stray = ~text.isin([*rule.groups, ""])
    if rule.other == "refuse":
        remedy = (
            f"Add it to the map of '{name}' (to one of {', '.join(rule.groups)}, or to '' for unknown), "
            "or set 'other: unknown' there."
        )
        refuse(
            stray,
            lambda row: f"text '{shown(text.iloc[row])}' has no group",
            file=file,
            column=name,
            remedy=remedy,
        )
    return text.mask(stray, "")


def one_group(
    groups: pd.Series, patients: pd.Series, rule: AttributeRule, *, name: str, file: Path
) -> tuple[pd.Series, list[str]]:
    """The groups of the rows once ``conflicting`` has decided on patients with two known ones, and a note on those.

    Args:
        groups: [N], '' where unknown. patients: [N] ids.

    Raises:
        DataError: a patient has two, and the rule (by default: of a person's attributes) is to refuse that.
    """
    known = groups.where(groups.ne(""))
    differs = known.notna() & known.ne(known.groupby(patients).transform("first"))
    policy = rule.conflicting or ("refuse" if name.casefold() in OF_A_PERSON else "keep")
    if policy == "refuse":
        refuse(
            differs,
            f"this patient has another {name} in an earlier row",
            file=file,
            column=name,
            remedy=f"Correct the cell, or write 'conflicting: unknown' (or keep) at '{name}' in the mapping.",
        )
    if policy != "unknown" or not differs.any():
        return groups, []
    two = patients.isin(patients[differs])
    return groups.mask(two, ""), [
        f"{patients[two].nunique():,} patients have two groups of {name}: set to unknown."
    ]


def age_text(table: pd.DataFrame, rule: FieldRule | None, *, file: Path) -> tuple[pd.Series, int]:
    """Ages in years as text, from numbers and from forms such as ``058Y`` or ``010M``.

    Returns:
        Text [N], empty where unknown; how many cells were set to unknown because they were no age.
    """
    text, invalid = parse_ages(mapped_text(table, rule, file=file))
    if rule is None or rule.invalid == "refuse":
        remedy = "Correct the cell, or set 'invalid: unknown' for age in the mapping."
        refuse(
            invalid,
            f"not an age from 0 to {MAX_AGE:.0f} years",
            file=file,
            column=rule.column or "age" if rule else "age",
            remedy=remedy,
        )
    return text, int(invalid.sum())


def parse_ages(cells: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Years as text [N], empty where unknown or invalid; and True where a cell is no age."""
    parts = cells.str.extract(_AGE)
    years = pd.to_numeric(parts[0]).astype(float) * parts[1].map(_AGE_UNITS).astype(float)
    invalid = cells.ne("") & ~years.le(MAX_AGE)
    known = years.round(2).where(~invalid & cells.ne(""))
    return known.map(lambda year: "" if np.isnan(year) else f"{year:g}").astype(str), invalid


def age_of_parts(plus: Sequence[pd.Series], minus: pd.Series) -> pd.Series:
    """Years as text [N] from numbers in text, such as the year of a study less that of birth.

    '' where a part is empty; a text that is no age where a part is no number, so that the option ``invalid_age``
    decides and it is counted.
    """
    parts = pd.concat([*plus, minus], axis=1)
    numbers = parts.apply(pd.to_numeric, errors="coerce").astype(float)
    years = numbers.iloc[:, :-1].sum(axis=1, skipna=False) - numbers.iloc[:, -1]
    text = years.map("{:.0f}".format).where(np.isfinite(years), "no number")
    return text.mask((parts == "").any(axis=1), "").astype(str)


def finding_text(table: pd.DataFrame, rule: FieldRule, *, name: str, file: Path) -> pd.Series:
    """Labels of a finding that has a column of its own. Raises DataError at a text that is no label."""
    text = mapped_text(table, rule, file=file)
    remedy = f"Add it to the map of '{name}': to '1', '0', '-1' or ''."
    refuse(
        ~text.isin(list(LABELS)), "the cell is no label", file=file, column=rule.column or name, remedy=remedy
    )
    return text


def listed_findings(table: pd.DataFrame, rule: LabelList, *, file: Path) -> tuple[pd.DataFrame, list[str]]:
    """Findings named in a separated list, in any case of letters.

    Returns:
        One column of '1' and ``unlisted`` for each; and a note on the names that are none of them.

    Raises:
        DataError: a finding that no row lists.
    """
    cells = require(table, rule.column, file=file)
    named = cells.str.split(rule.separator, regex=False).explode().str.strip()
    folded, mapped = named.str.casefold(), set()
    columns = {}
    for finding, names in rule.findings.items():
        wanted = {name.casefold() for name in names}
        mapped |= wanted
        present = folded.isin(wanted).groupby(level=0).any().reindex(table.index)
        if not present.any():
            raise DataError.at(
                f"no row lists the finding '{finding}'",
                file=file,
                column=rule.column,
                remedy=_names_that_occur(named[named.ne("")]),
            )
        columns[finding] = pd.Series(rule.unlisted, index=table.index).mask(present, "1")
    others = named[named.ne("") & ~folded.isin(mapped)]
    return pd.DataFrame(columns).mask(cells.eq(""), rule.empty), _unmapped(others, rule)


def _unmapped(names: pd.Series, rule: LabelList) -> list[str]:
    """A note on names of no finding. What stands in one row alone is not shown: it may be of a report (our choice)."""
    if names.empty:
        return []
    different = names.str.casefold().nunique()
    what = f"{different:,} of the names listed in '{shown_name(rule.column)}' belong to no finding of the mapping."
    return [f"{what} {_names_that_occur(names[names.duplicated(keep=False)], how=' more than once')}"]


def _names_that_occur(named: pd.Series, *, how: str = "") -> str:
    """The names to choose from; nothing of the cells where they read like free text or like people."""
    counts = named.value_counts()
    if len(counts) > _MOST_NAMES or counts.index.str.len().max() > _LONGEST_NAME:
        return (
            f"The cells hold {len(counts):,} different texts (not shown, they may be reports or names): "
            "is 'labels: column' the list of findings, and 'separator' what stands between them?"
        )
    return f"Names that occur{how}: {', '.join(map(shown, counts.index[:_NAMES_SHOWN])) or 'none'}."


def passes(table: pd.DataFrame, rule: Filter, *, file: Path) -> pd.Series:
    """True for the rows that a filter keeps: bool [N]."""
    cells = require(table, rule.column, file=file)
    if rule.empty is not None:
        return cells.eq("") == rule.empty
    return cells.isin([rule.equals] if rule.equals is not None else (rule.one_of or []))
