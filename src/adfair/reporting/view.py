"""What the templates draw: tables and figures as plain values, free of HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adfair.reporting.data import Estimate, ReportData
from adfair.reporting.text import interval, number, remark, undefined

Mark = Literal["", "best", "worst", "undefined", "text"]
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "pentagon")
GLYPHS = "●◆■▲✚✖★⬟"


@dataclass(frozen=True)
class Cell:
    """One table cell: the number, lines in small type below it, and why it stands out."""

    text: str
    details: tuple[str, ...] = ()
    mark: Mark = ""


@dataclass(frozen=True)
class Column:
    """A column heading; columns that follow each other with the same ``over`` share one upper heading."""

    label: str
    over: str = ""
    slot: int | None = None


@dataclass(frozen=True)
class Row:
    """A heading, its small remark, and the cells after it; ``slot`` gives the heading a model's mark."""

    label: str
    cells: tuple[Cell, ...]
    detail: str = ""
    slot: int | None = None
    over: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption that says what it shows; ``attribute`` and ``finding`` are for the page's filters."""

    caption: str
    head: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    attribute: str = ""
    finding: str = ""

    @property
    def upper(self) -> tuple[tuple[str, int], ...]:
        """Upper headings with the columns each spans; empty when there are none."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.over:
                spans[-1] = (column.over, spans[-1][1] + 1)
            else:
                spans.append((column.over, 1))
        return tuple(spans) if any(name for name, _ in spans) else ()

    @property
    def bodies(self) -> tuple[tuple[str, tuple[Row, ...]], ...]:
        """Rows gathered under their shared heading, in order."""
        names = dict.fromkeys(row.over for row in self.rows)
        return tuple((name, tuple(row for row in self.rows if row.over == name)) for name in names)


@dataclass(frozen=True)
class Variant:
    """One state of a figure: plotly traces and layout, and the same numbers as a table."""

    label: str
    traces: tuple[dict[str, Any], ...]
    layout: dict[str, Any]
    table: Table


@dataclass(frozen=True)
class Figure:
    """A figure with its text alternative; several variants are switched by one control of the section.

    ``attributes`` and ``model`` say what it is about, for the page's filters; a trace says its model in ``meta``.
    """

    key: str
    title: str
    summary: str
    variants: tuple[Variant, ...]
    height: int = 320
    attributes: tuple[str, ...] = ()
    model: str = ""

    @property
    def island(self) -> dict[str, Any]:
        """What the page's script needs, as JSON."""
        return {
            "title": self.title,
            "height": self.height,
            "attributes": self.attributes,
            "model": self.model,
            "variants": [{"traces": v.traces, "layout": v.layout} for v in self.variants],
        }


def slot(data: ReportData, model: str) -> int:
    """The colour and symbol of a model; they repeat after eight."""
    return data.models.index(model) % len(SYMBOLS)


def colour(index: int) -> str:
    """A palette token that the page's script resolves for the theme in use."""
    return f"@s{index}"


def cell(estimate: Estimate | None, *, chance: bool = False, mark: Mark = "") -> Cell:
    """A cell with its interval below it; undefined values carry their reason, absent ones a dash."""
    if estimate is None:
        return Cell("–", ("not in the table",))
    if not estimate.defined:
        word, _, reason = undefined(estimate).partition(": ")
        return Cell(f"{word}:", (reason,), "undefined")
    details = [interval(estimate)]
    if chance and estimate.chance == estimate.chance:
        details.append(f"chance {number(estimate.chance)}")
    details.append(remark(estimate))
    return Cell(number(estimate.value), tuple(filter(None, details)), mark)


def error_bars(estimates: Sequence[Estimate], colour: str) -> dict[str, Any]:
    """Plotly's error bars from the intervals; none where there is no interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(e.high - e.value, 0) if e.has_interval else 0 for e in estimates],
        "arrayminus": [max(e.value - e.low, 0) if e.has_interval else 0 for e in estimates],
        "color": colour,
        "thickness": 1.8,
        "width": 0,
    }


def extreme(estimates: Sequence[Estimate | None], *, largest: bool) -> int | None:
    """Where the largest or smallest defined value stands; ``None`` without a single extreme.

    Two cells that print alike are a tie: neither is marked.
    """
    defined = [(number(e.value), e.value, i) for i, e in enumerate(estimates) if e is not None and e.defined]
    if len(defined) < 2:
        return None
    text, _, where = (max if largest else min)(defined, key=lambda item: item[1])
    return where if sum(t == text for t, _, _ in defined) == 1 else None
