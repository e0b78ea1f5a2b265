"""What an import did: rows dropped by which rule, and every raw demographic text with the group it became."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import pandas as pd

from adfair.data.manifest import Cohort
from adfair.data.readers.groups import MOST_DISTINCT
from adfair.data.schema import UNKNOWN
from adfair.data.validate import shown


@dataclass
class Flow:
    """The exclusion flow of an import: one entry a rule, in order."""

    steps: list[dict[str, object]] = field(default_factory=list)

    def add(self, rule: str, table: pd.DataFrame, patients: pd.Series | None) -> None:
        """Record what is left after a rule; patients are None when the source does not name them."""
        count = None if patients is None else int(patients[table.index].nunique())
        dropped = int(self.steps[-1]["images"]) - len(table) if self.steps else 0  # type: ignore[call-overload]
        self.steps.append({"rule": rule, "dropped": dropped, "images": len(table), "patients": count})

    def table(self) -> pd.DataFrame:
        """Columns rule, dropped, images, patients."""
        return pd.DataFrame(self.steps, columns=["rule", "dropped", "images", "patients"])


@dataclass(frozen=True)
class ImportReport:
    """The result of an import.

    Attributes:
        cohort: as written.
        flow: rule, dropped, images, patients.
        groups: attribute, raw text, group, images, patients: every raw text that occurs, see ``printable``.
        notes: what a user must know, one sentence each.
    """

    cohort: Cohort
    flow: pd.DataFrame
    groups: pd.DataFrame
    notes: list[str]


@dataclass(frozen=True)
class Reader:
    """One kind of source.

    Attributes:
        summary: one line for ``adfair import list``.
        sources: what the SOURCE arguments are.
        read: the function; keyword-only ``out, mapping, options, copy, force, seed, progress`` after the sources.
    """

    summary: str
    sources: str
    read: Callable[..., ImportReport]


def printable(raw: pd.Series, listed: Collection[str]) -> pd.Series:
    """Raw texts [N] of an attribute as a terminal or file may hold them.

    Those that a table of groups or a mapping lists stay as they are. The others may be reports in the wrong column:
    long ones become their length, and where there are hundreds of them, all become one line that counts them.
    """
    other = ~raw.isin(list(listed))
    distinct = raw[other].unique()
    if len(distinct) > MOST_DISTINCT:
        return raw.mask(other, f"{len(distinct):,} different texts, not shown")
    return raw.mask(other, raw.map({text: shown(text) for text in distinct}))


def count_groups(
    raw: dict[str, pd.Series],
    groups: pd.DataFrame,
    patients: pd.Series,
    *,
    listed: Mapping[str, Collection[str]] | None = None,
) -> pd.DataFrame:
    """Images and patients for every raw text of every attribute.

    Args:
        raw: attribute -> [N] source texts.
        groups: [N] rows with one column an attribute, empty or ``Unknown`` for unknown.
        patients: [N] patient ids.
        listed: attribute -> texts that the user or a table of groups names; see ``printable``.
    """
    parts = []
    for attribute, texts in raw.items():
        frame = pd.DataFrame(
            {
                "raw": printable(texts, (listed or {}).get(attribute, ())),
                "group": groups[attribute].replace("", UNKNOWN),
                "patient": patients,
            }
        )
        counts = frame.groupby(["raw", "group"]).agg(
            images=("patient", "size"), patients=("patient", "nunique")
        )
        ordered = counts.reset_index().sort_values(["group", "images"], ascending=[True, False])
        parts.append(ordered.assign(attribute=attribute))
    return pd.concat(parts, ignore_index=True)[["attribute", "raw", "group", "images", "patients"]]
