"""Raw texts of race, ethnicity and sex -> groups, by tables in YAML that a user can replace.

A table names its groups and lists each raw text with the group it becomes:

    attribute: race
    groups: [Asian, Black, White, Other]
    texts:
      PORTUGUESE: Portuguese
      "White, Hispanic": [White, Hispanic]
      UNABLE TO OBTAIN: Unknown

``Hispanic`` and ``Portuguese`` are not groups by themselves: the options of those names say what they become,
because published work disagrees (docs/cohorts.md). An empty cell is unknown and needs no line.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from adfair.config import parse_yaml
from adfair.data.readers.options import ReadOptions
from adfair.data.schema import UNKNOWN
from adfair.data.validate import shown
from adfair.errors import ConfigError, DataError

HISPANIC, PORTUGUESE, OTHER = "Hispanic", "Portuguese", "Other"
LEFT_OUT = "(left out)"
"""Stands in the mapping report where a policy leaves a patient out of the cohort."""

TABLES = Path(__file__).parent / "demographics"
"""Our own tables."""

_MOST_SHOWN, MOST_DISTINCT = 12, 200  # more distinct texts, and the column is not what it was taken for


@dataclass(frozen=True)
class GroupTable:
    """One table.

    Attributes:
        groups: declared groups in their order.
        texts: folded raw text -> its words (groups, Unknown, Hispanic, Portuguese).
        file: named in messages.
    """

    groups: list[str]
    texts: dict[str, tuple[str, ...]]
    file: Path


def load_groups(attribute: str, *, table: str, options: ReadOptions) -> GroupTable:
    """The user's table for an attribute, else ours of that name. Raises ConfigError when it is not a table."""
    file = options.maps.get(attribute, TABLES / f"{table}.yaml")
    try:
        tree = parse_yaml(file.read_text(encoding="utf-8-sig"), yaml.BaseLoader)
    except OSError as error:
        raise ConfigError(f"{file}: no table of groups for '{attribute}' ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"{file}: not valid YAML in UTF-8") from None
    if not _is_table(tree):
        raise ConfigError(
            f"{file}: expected the keys attribute, groups, texts: a list of names, and text -> name or list of names"
        )
    return GroupTable(groups=list(tree["groups"]), texts=_texts(tree, file, attribute=attribute), file=file)


def _is_table(tree: Any) -> bool:
    if not isinstance(tree, dict) or not set(tree) <= {"attribute", "groups", "texts"}:
        return False
    groups, texts = tree.get("groups"), tree.get("texts")
    if not isinstance(groups, list) or not isinstance(texts, dict):
        return False
    words = [word for value in texts.values() for word in (value if isinstance(value, list) else [value])]
    return all(isinstance(name, str) for name in [*groups, *words])


def _texts(tree: dict[str, Any], file: Path, *, attribute: str) -> dict[str, tuple[str, ...]]:
    allowed = {*tree["groups"], UNKNOWN}
    if attribute == "race":
        allowed |= {HISPANIC, PORTUGUESE, OTHER}
    texts: dict[str, tuple[str, ...]] = {"": (UNKNOWN,)}
    for raw, value in tree["texts"].items():
        words = tuple(value) if isinstance(value, list) else (value,)
        if not words or not set(words) <= allowed:
            raise ConfigError(f"{file}: '{shown(raw)}' becomes none of {', '.join(sorted(allowed))}")
        if texts.setdefault(fold(raw), words) != words:
            raise ConfigError(f"{file}: '{shown(raw)}' is listed twice with different groups")
    return texts


def fold(text: str) -> str:
    """A raw text without its case and surplus blanks, as tables are searched."""
    return " ".join(text.split()).casefold()


def words_of(
    raw: pd.Series, table: GroupTable, *, attribute: str, options: ReadOptions, file: Path
) -> pd.Series:
    """The words of each raw text: tuples [N].

    Raises:
        DataError: texts that stand in no table, named with their counts, unless ``other`` is ``unknown``.
    """
    counts = raw.value_counts()
    known = {text: table.texts.get(fold(str(text))) for text in counts.index}
    strays = counts[[known[text] is None for text in counts.index]]
    if len(strays) and options.other == "refuse":
        remedy = (
            f"Copy {table.file.name}, add the texts and pass it with --set maps.{attribute}=FILE, or take them "
            "for unknown with --set other=unknown."
        )
        raise DataError.at(_strays(strays), file=file, column=attribute, remedy=remedy)
    return raw.map({text: words or (UNKNOWN,) for text, words in known.items()})


def _strays(strays: pd.Series) -> str:
    head = f"{len(strays):,} different texts are in no table of groups"
    if len(strays) > MOST_DISTINCT:
        return head + " (not shown: so many are hardly groups; is it the right column?)"
    listed = [f"'{shown(str(text))}' ({count:,} rows)" for text, count in strays.items()]
    more = f" and {len(listed) - _MOST_SHOWN} more" if len(listed) > _MOST_SHOWN else ""
    return f"{head}: {', '.join(listed[:_MOST_SHOWN])}{more}"


def view_text(raw: pd.Series, *, options: ReadOptions) -> pd.Series:
    """AP, PA, frontal, lateral, ``other`` for a text that is not listed, '' for unknown: [N]."""
    table = load_groups("view", table="view", options=options)
    views = {text: table.texts.get(fold(text), ("other",))[0] for text in raw.unique()}
    return raw.map(views).replace(UNKNOWN, "").astype(str)


def settle(words: tuple[str, ...], *, hispanic: bool, options: ReadOptions) -> str:
    """One group of the words of a race, by the policies ``hispanic``, ``portuguese`` and ``other_races``.

    Args:
        words: as the table gives them.
        hispanic: the source's ethnicity says so as well.

    Returns:
        A group, ``Unknown`` or ``LEFT_OUT``.
    """
    stated = [word for word in words if word != HISPANIC]
    group = stated[0] if stated else OTHER
    if (hispanic or HISPANIC in words) and options.hispanic != "race":
        group = {"own": HISPANIC, "other": OTHER, "unknown": UNKNOWN, "drop": LEFT_OUT}[options.hispanic]
    if group == PORTUGUESE:
        group = {"white": "White", "own": PORTUGUESE, "other": OTHER, "unknown": UNKNOWN}[options.portuguese]
    if group == OTHER:
        group = {"keep": OTHER, "unknown": UNKNOWN, "drop": LEFT_OUT}[options.other_races]
    return group


def declared_groups(attribute: str, table: GroupTable, options: ReadOptions) -> list[str]:
    """The groups of ``cohort.yaml``: the table's, with those that the policies of race add or take away."""
    if attribute != "race":
        return table.groups
    added = [HISPANIC] * (options.hispanic == "own") + [PORTUGUESE] * (options.portuguese == "own")
    kept = [group for group in table.groups if group != OTHER or options.other_races == "keep"]
    return kept + [group for group in added if group not in kept]
