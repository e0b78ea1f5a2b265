"""The text of an image: the first of the wanted report sections that is there, scrubbed where asked."""

import importlib
from collections.abc import Sequence

import pandas as pd

from adfair.errors import ConfigError

_PREFIX = "section:"


def chosen_text(rows: pd.DataFrame, order: Sequence[str]) -> pd.Series:
    """The first entry of ``order`` that a row has; '' where it has none, or the source has no reports.

    Args:
        rows: [N] rows with columns ``section:NAME``.
        order: section names; ``findings+impression`` is taken where both are there, joined by an empty line.

    Raises:
        ConfigError: the source has reports but none of these sections.
    """
    there = [column.removeprefix(_PREFIX) for column in rows.columns if column.startswith(_PREFIX)]
    usable = [entry for entry in order if set(entry.split("+")) <= set(there)]
    if there and order and not usable:
        raise ConfigError(f"sections={','.join(order)}: the source has {', '.join(there)}")
    text = pd.Series("", index=rows.index, dtype=object)
    for entry in usable:
        parts = [rows[_PREFIX + name].str.strip() for name in entry.split("+")]
        whole, joined = parts[0].ne(""), parts[0]
        for part in parts[1:]:
            whole, joined = whole & part.ne(""), joined + "\n\n" + part
        text = text.mask(text.eq("") & whole, joined)
    return text.astype(str)


def scrubbed_text(text: pd.Series) -> tuple[pd.Series, str]:
    """Reports without words for sex, race and age, and a sentence on what went."""
    scrubbed = importlib.import_module("adfair.data.scrub").scrub(text)
    changed = int((text.to_numpy() != pd.Series(scrubbed.texts, dtype=object).to_numpy()).sum())
    words = int(scrubbed.counts.to_numpy().sum())
    note = f"{words:,} words for sex, race and age were taken out of {changed:,} reports."
    return pd.Series(scrubbed.texts, index=text.index, dtype=str), note
