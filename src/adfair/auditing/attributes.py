"""Sensitive attributes: which columns they are, and each row's group as an integer code."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from adfair.auditing.reading import id_column_of
from adfair.errors import ConfigError, DataError

UNKNOWN = "Unknown"
MAX_GROUPS = 50
_NOT_ATTRIBUTES = frozenset(
    (
        *("image_id", "patient_id", "study_id", "entity_id", "image_path", "report", "split", "view", "age"),
        *("finding", "label", "label_value", "score", "prob", "rank", "threshold", "model", "test_set"),
    )
)


@dataclass(frozen=True)
class Attribute:
    """A sensitive attribute: its name, its group values in order, and a code per row (-1: not known)."""

    name: str
    groups: tuple[str, ...]
    codes: np.ndarray

    def take(self, rows: np.ndarray) -> "Attribute":
        """The same attribute for a selection of rows."""
        return Attribute(self.name, self.groups, self.codes[rows])


_PRIVATE = re.compile(r"name|report|text|impression|indication|history|comment|note|birth|address|mrn", re.I)
_LONGEST_GROUP = 40
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # line breaks and tabs are escaped when shown


def attribute_columns(
    frame: pd.DataFrame, *, used: Sequence[str], notes: list[str], binned: Collection[str] = ()
) -> list[str]:
    """Columns that look like attributes when none were named: 2 to 20 distinct values, and no bookkeeping.

    Columns whose name or cells suggest people's names or free text are left out, because groups are printed.
    """
    chosen = []
    for name in map(str, frame.columns):
        if name in binned or name in used or name.startswith(("label_", "score_", "prob_")):
            continue
        if name in ("age", "view"):
            notes.append(
                f"column '{name}' was not audited: name it as an attribute, with edges if it is numeric"
            )
        if name in _NOT_ATTRIBUTES or id_column_of(name):
            continue
        texts = frame[name].dropna().astype(str)
        distinct = texts.nunique()
        if _PRIVATE.search(name) or (2 <= distinct <= 20 and texts.str.len().max() > _LONGEST_GROUP):
            notes.append(f"column '{name}' may hold names or text and was not audited unless asked for")
        elif 2 <= distinct <= 20:
            chosen.append(name)
        else:
            notes.append(f"column '{name}' has {distinct} distinct values and was not audited")
    return chosen


def encode(
    column: pd.Series, *, source: str, edges: Sequence[float] | None = None, limit: int = MAX_GROUPS
) -> Attribute:
    """Code a column's groups: sorted values, or intervals of a numeric column when ``edges`` are given.

    Empty cells and ``Unknown`` (in any case) are code -1. Whole numbers lose their decimals, so 1.0 is group
    1.

    Raises:
        DataError: more than ``limit`` groups, or edges for a column that is not numeric.
    """
    name = str(column.name)
    if edges is not None:
        return binned(column, edges, source=source)
    if pd.api.types.is_float_dtype(column.dtype) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    codes, values = pd.factorize(column.astype("string").str.strip(), sort=True)
    texts = [str(v) for v in values]
    if any(_CONTROL.search(text) for text in texts):
        what = "a group's name holds a control character"
        raise DataError.at(what, file=source, column=name, remedy="Remove it: names are printed on terminals")
    known = [i for i, v in enumerate(texts) if v.casefold() not in ("", "unknown", "nan")]
    if len(known) > limit:
        raise DataError.at(
            f"{len(known)} distinct values are too many groups",
            file=source,
            column=name,
            remedy=f"Give bin edges, for example --bins {name}=40,60,80, or name other attributes",
        )
    recode = np.full(len(texts) + 1, -1, dtype=np.int16)
    recode[known] = np.arange(len(known))
    return Attribute(name, tuple(texts[i] for i in known), recode[codes])


def look_alikes(attribute: Attribute) -> list[str]:
    """Notes on groups whose names differ in case or in how an accent is coded only: most likely one group."""
    named: dict[str, list[str]] = {}
    for group in attribute.groups:
        named.setdefault(unicodedata.normalize("NFC", group).casefold(), []).append(group)
    pairs = ["' and '".join(groups) for groups in named.values() if len(groups) > 1]
    return [
        f"'{pair}' are audited as groups of their own: write them alike if they are one" for pair in pairs
    ]


def binned(column: pd.Series, edges: Sequence[float], *, source: str) -> Attribute:
    """A numeric column cut at ``edges``; empty cells and ``unknown`` are unknown.

    Raises:
        ConfigError: the edges do not increase. DataError: a cell is no number.
    """
    from adfair.auditing.reading import numbers

    cuts = np.asarray(edges, dtype=float)
    if cuts.size == 0 or not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        raise ConfigError(
            f"bins of '{column.name}': the edges must increase and be finite, for example 40,60,80"
        )
    if column.dtype.kind not in "fiu":
        column = column.mask(column.astype("string").str.strip().str.casefold() == "unknown")
    value = numbers(column, source=source)
    codes = np.where(np.isnan(value), -1, np.searchsorted(cuts, value, side="right")).astype(np.int16)
    return Attribute(str(column.name), bin_names(edges), codes)


def bin_names(edges: Sequence[float]) -> tuple[str, ...]:
    """Groups of a numeric attribute: ``<40``, ``40-60`` and ``>=60`` for the edges 40 and 60."""
    text = [f"{edge:.12g}" for edge in edges]
    return (f"<{text[0]}", *(f"{a}-{b}" for a, b in pairwise(text)), f">={text[-1]}")


def bin_edges(groups: Sequence[str]) -> list[float] | None:
    """The edges whose ``bin_names`` are these groups, the unknown one aside; ``None`` where they are no bins."""
    names = [name for name in groups if name != UNKNOWN]
    texts = [names[0].removeprefix("<")] if names else []
    for name in names[1:-1]:
        # Each bin begins where the one before it ends, also where an edge has a sign of its own.
        texts.append(name.removeprefix(f"{texts[-1]}-"))
    try:
        edges = [float(text) for text in texts]
    except ValueError:
        return None
    return edges if edges and bin_names(edges) == tuple(names) else None


def crossed(first: Attribute, second: Attribute) -> Attribute:
    """The intersection attribute ``race*sex`` with groups such as ``Black*F``; unknown where either is."""
    groups = tuple(f"{a}*{b}" for a in first.groups for b in second.groups)
    codes = first.codes.astype(np.int16) * len(second.groups) + second.codes
    codes[(first.codes < 0) | (second.codes < 0)] = -1
    return Attribute(f"{first.name}*{second.name}", groups, codes)


def parse_bins(texts: Sequence[str]) -> Mapping[str, list[float]]:
    """Read ``age=40,60,80`` options. Raises ConfigError when one is not of that form."""
    bins = {}
    for text in texts:
        name, _, edges = text.partition("=")
        try:
            bins[name.strip()] = [float(edge) for edge in edges.split(",")]
        except ValueError:
            raise ConfigError(f"--bins '{text}': expected NAME=EDGE,EDGE, for example age=40,60,80") from None
    return bins
