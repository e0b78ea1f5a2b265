"""What every section is made of."""

from dataclasses import dataclass
from typing import Any

from adfair.reporting.data import SampleSheet
from adfair.reporting.view import Figure, Table


@dataclass(frozen=True)
class Section:
    """A heading, an introduction in plain words, and what to draw below it.

    Args:
        key: the anchor; a constant, never a name from the data.
        short: the word in the navigation.
        switch: names of the figures' variants; one control, called ``switch_label``, switches all figures.
        warnings: sentences before the introduction. points: headings with sentences below each.
        explorer: what ``explore.js`` draws from.
        folded: tables shown on demand under ``folded_label``.
    """

    key: str
    short: str
    title: str
    intro: str
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()
    folded_label: str = ""
    switch: tuple[str, ...] = ()
    switch_label: str = "Metric"
    warnings: tuple[str, ...] = ()
    points: tuple[tuple[str, tuple[str, ...]], ...] = ()
    explorer: dict[str, Any] | None = None
    samples: SampleSheet | None = None
    facts: tuple[tuple[str, str], ...] = ()
