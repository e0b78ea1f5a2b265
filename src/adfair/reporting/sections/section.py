"""What every section is made of."""

from dataclasses import dataclass

from adfair.reporting.data import SampleSheet
from adfair.reporting.view import Figure, Table


@dataclass(frozen=True)
class Section:
    """A heading, an introduction in plain words, and what to draw below it.

    Args:
        key: the anchor; a constant, never a name from the data.
        short: the word in the navigation.
        switch: names of the figures' variants; one control switches all figures of the section.
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
    samples: SampleSheet | None = None
    facts: tuple[tuple[str, str], ...] = ()
