"""Which part of a report becomes the text of an image: findings, impression, both, or the first that is there."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from adfair.errors import ConfigError

BOTH = "both"
"""Findings and impression, a blank line between them."""


def choose_section(sections: pd.DataFrame, order: Sequence[str]) -> tuple[pd.Series, pd.Series]:
    """The text of each report by a fallback order.

    Args:
        sections: [N] rows of text, one column a section, empty (or NaN) where the report has none.
        order: names tried in turn for every row: a column, several joined by ``+`` (taken where the report has
            all of them), or ``both`` for ``findings+impression``. ``["both", "impression", "findings"]`` takes
            what there is.

    Returns:
        texts [N], stripped, empty where no entry of ``order`` is there; and which entry was used [N], empty
        likewise. Both have the index of ``sections``.

    Raises:
        ConfigError: ``order`` is empty or names a section that is no column.
    """
    if not len(order):
        raise ConfigError("sections: the order is empty; for example [impression, findings]")
    clean = {str(name): _stripped(sections[name]) for name in sections.columns}
    texts = np.full(len(sections), "", dtype=object)
    used = np.full(len(sections), "", dtype=object)
    for entry in order:
        text = _joined(clean, entry)
        free = (texts == "") & (text != "")
        texts[free], used[free] = text[free], entry
    return pd.Series(texts, index=sections.index), pd.Series(used, index=sections.index)


def _stripped(column: pd.Series) -> np.ndarray:
    return column.fillna("").astype(str).str.strip().to_numpy(dtype=object)


def _joined(clean: dict[str, np.ndarray], entry: str) -> np.ndarray:
    names = ("findings+impression" if entry == BOTH else entry).split("+")
    absent = [name for name in names if name not in clean]
    if absent:
        raise ConfigError(f"sections: no section '{absent[0]}'; there are: {', '.join(clean)}")
    parts = [clean[name] for name in names]
    whole = np.all([part != "" for part in parts], axis=0)
    text = parts[0]
    for part in parts[1:]:
        text = text + "\n\n" + part
    return np.where(whole, text, "")
