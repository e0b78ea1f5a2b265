"""Groups within groups: a heat map of two attributes crossed."""

from itertools import combinations
from typing import Any

from adfair.reporting.crossing import Crossing, crossing
from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.sections.section import Section
from adfair.reporting.text import count, metric_label, number, with_interval
from adfair.reporting.view import Column, Figure, Row, Table, Variant, cell

METRICS = ("auc", "tpr", "fpr")
MOST_MODELS = 4
# Cividis at five places: even to the eye, and the same to one that sees no red or no green.
SCALE = ((0, 34, 78), (62, 75, 108), (124, 123, 120), (188, 175, 111), (254, 232, 56))
INTRO = (
    "Two attributes at once: a model can serve women and Black patients well and Black women badly. Each square is "
    "the mean over findings; small cells are noisy, so read the count and, where there is one, the interval."
)
COMPUTED = (
    "The table holds no intersections, so these values were computed here from the predictions, without intervals; "
    "the audit's option for intersections gives them."
)


def intersections(data: ReportData) -> Section | None:
    """One heat map a model and pair of attributes, of the first few models."""
    figures: list[Figure] = []
    audited = True
    for pair in list(combinations(data.attributes, 2))[:3]:
        for model in data.models[:MOST_MODELS]:
            found = crossing(data, model, pair)
            if found is not None:
                figures.append(_figure(found, model, pair, len(figures)))
                audited = audited and found.audited
    if not figures:
        return None
    left = f" The first {MOST_MODELS} models are drawn." if len(data.models) > MOST_MODELS else ""
    return Section(
        key="intersections",
        short="Intersections",
        title="Groups within groups",
        intro=INTRO + ("" if audited else f" {COMPUTED}") + left,
        figures=tuple(figures),
        switch=tuple(metric_label(m) for m in METRICS),
    )


def _figure(found: Crossing, model: str, pair: tuple[str, str], index: int) -> Figure:
    spoken = [
        f"{r} {c} {number(e.value)}"
        for r, line in zip(found.rows, found.cells["auc"], strict=True)
        for c, e in zip(found.columns, line, strict=True)
        if e is not None and e.defined
    ]
    return Figure(
        key=f"cross-{index}",
        title=f"{model_label(model)}: {pair[0]} by {pair[1]}",
        summary=f"AUC, mean over findings: {', '.join(spoken) or 'undefined in every cell'}.",
        variants=tuple(_variant(found, m, pair) for m in METRICS),
        height=120 + 52 * len(found.rows),
        attributes=pair,
        model=model,
    )


def _variant(found: Crossing, metric: str, pair: tuple[str, str]) -> Variant:
    cells = found.cells[metric]
    placed = [(i, j, e) for i, line in enumerate(cells) for j, e in enumerate(line)]
    values = [e.value for _, _, e in placed if e is not None and e.defined]
    shades = [_shade(e, min(values, default=0), max(values, default=1)) for _, _, e in placed]
    trace = {
        "type": "scatter",
        "mode": "text",
        "x": [j for _, j, _ in placed],
        "y": [i for i, _, _ in placed],
        "text": [_label(e) for *_, e in placed],
        "textfont": {"color": [ink for _, ink in shades], "size": 14},
        "customdata": [_hover(e) for *_, e in placed],
        "hovertemplate": "%{customdata}<extra></extra>",
        "showlegend": False,
    }
    layout = {
        "xaxis": _axis(found.columns, pair[1], [-0.5, len(found.columns) - 0.5]),
        "yaxis": _axis(found.rows, "", [len(found.rows) - 0.5, -0.5]),
        "shapes": [_square(i, j, fill) for (i, j, _), (fill, _) in zip(placed, shades, strict=True)],
    }
    return Variant(metric_label(metric), (trace,), layout, _table(found, metric, pair))


def _axis(names: tuple[str, ...], title: str, ends: list[float]) -> dict[str, Any]:
    ticks = {"tickvals": list(range(len(names))), "ticktext": list(names)}
    return {"title": {"text": title}, "range": ends, "showgrid": False, "zeroline": False, **ticks}


# Squares are drawn as shapes: plotly's own heat map writes styles into its markup, which the page's policy refuses.
def _square(row: int, column: int, fill: str) -> dict[str, Any]:
    ends = {"x0": column - 0.48, "x1": column + 0.48, "y0": row - 0.46, "y1": row + 0.46}
    return {"type": "rect", **ends, "fillcolor": fill, "line": {"width": 0}, "layer": "below"}


def _shade(estimate: Estimate | None, low: float, high: float) -> tuple[str, str]:
    """Fill and ink of a value on the way from ``low`` to ``high``."""
    if estimate is None or not estimate.defined:
        return "@band", "@ink"
    share = (estimate.value - low) / (high - low) if high > low else 0.5
    left = min(int(share * (len(SCALE) - 1)), len(SCALE) - 2)
    part = share * (len(SCALE) - 1) - left
    mixed = [round(a + part * (b - a)) for a, b in zip(SCALE[left], SCALE[left + 1], strict=True)]
    return f"rgb({mixed[0]},{mixed[1]},{mixed[2]})", "#000" if share > 0.45 else "#fff"


def _label(estimate: Estimate | None) -> str:
    return number(estimate.value) if estimate is not None and estimate.defined else "–"


def _hover(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not in the table"
    size = f", n = {count(estimate.n)}" if estimate.n == estimate.n else ""
    return with_interval(estimate) + size


def _table(found: Crossing, metric: str, pair: tuple[str, str]) -> Table:
    rows = tuple(
        Row(name, tuple(cell(e) for e in line))
        for name, line in zip(found.rows, found.cells[metric], strict=True)
    )
    heads = tuple(Column(name) for name in found.columns)
    return Table(
        f"{metric_label(metric)} by {pair[0]} and {pair[1]}, mean over findings", pair[0], heads, rows
    )
