"""The text of an image: the first of the wanted report sections that is there, scrubbed where asked."""

from collections.abc import Sequence

import pandas as pd

from adfair.data.scrub import scrub
from adfair.data.sections import BOTH, choose_section
from adfair.errors import ConfigError

_PREFIX = "section:"


def chosen_text(rows: pd.DataFrame, order: Sequence[str]) -> pd.Series:
    """The first entry of ``order`` that a row has; '' where it has none, or the source has no reports.

    Args:
        rows: [N] rows with columns ``section:NAME``.
        order: as in ``choose_section``; entries that the source has no sections for are passed over, so that one
            order serves several sources.

    Raises:
        ConfigError: the source has reports but none of these sections.
    """
    columns = [column for column in rows.columns if column.startswith(_PREFIX)]
    sections = rows[columns].rename(columns=lambda column: column.removeprefix(_PREFIX))
    usable = [entry for entry in order if _parts(entry) <= set(sections.columns)]
    if columns and order and not usable:
        raise ConfigError(f"sections={','.join(order)}: the source has {', '.join(sections.columns)}")
    if not usable:
        return pd.Series("", index=rows.index, dtype=str)
    return choose_section(sections, usable)[0].astype(str)


def _parts(entry: str) -> set[str]:
    return set(("findings+impression" if entry == BOTH else entry).split("+"))


def scrubbed_text(text: pd.Series) -> tuple[pd.Series, str]:
    """Reports without words for sex, race and age, and a sentence on what went."""
    scrubbed = scrub(text)
    changed = int((scrubbed.counts.sum(axis=1) > 0).sum())
    words = int(scrubbed.counts.to_numpy().sum())
    note = f"{words:,} words for sex, race and age were taken out of {changed:,} reports."
    return pd.Series(scrubbed.texts, index=text.index, dtype=str), note
