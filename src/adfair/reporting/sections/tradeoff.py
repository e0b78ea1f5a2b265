"""Accuracy against the gap: every model a point, so that a gap closed at a price shows its price."""

from typing import Any

from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.sections.section import Section
from adfair.reporting.text import listed, metric_label, with_interval
from adfair.reporting.view import SYMBOLS, Column, Figure, Row, Table, Variant, cell, colour, error_bars, slot

INTRO = (
    "Up is more accurate and left is fairer, so a model is better than another when it stands above and to the left "
    "of it beyond the bars. Accuracy is the AUC of the worst-served group where the table has it: a gap that closes "
    "because others do worse moves a model left and not up."
)


def tradeoff(data: ReportData) -> Section | None:
    """One figure an attribute; ``None`` with fewer than two models."""
    gap = data.gap_metric
    if gap is None or len(data.models) < 2:
        return None
    figures = tuple(
        figure for i, a in enumerate(data.attributes) if (figure := _figure(data, a, gap, i)) is not None
    )
    if not figures:
        return None
    return Section("tradeoff", "Trade-off", "Accuracy against fairness", INTRO, figures=figures)


def _figure(data: ReportData, attribute: str, gap: str, index: int) -> Figure | None:
    worst = ("worst_group_auc", attribute)
    held = any(data.get(worst[0], model=m, attribute=attribute) for m in data.models)
    up, of = worst if held else ("auc", "")
    found = [
        (m, data.get(gap, model=m, attribute=attribute), data.get(up, model=m, attribute=of))
        for m in data.models
    ]
    drawn = [(m, x, y) for m, x, y in found if x is not None and y is not None and x.defined and y.defined]
    if not drawn:
        return None
    parts = [f"{model_label(m)} {with_interval(y)} at a gap of {with_interval(x)}" for m, x, y in drawn]
    layout = {
        "xaxis": {"title": {"text": f"{metric_label(gap)} (better left)"}},
        "yaxis": {"title": {"text": metric_label(up)}},
    }
    return Figure(
        key=f"tradeoff-{index}",
        title=f"{metric_label(up)} against the gap between {attribute} groups",
        summary=f"Means over findings: {listed(parts)}.",
        variants=(
            Variant(
                "", tuple(_point(data, *p) for p in drawn), layout, _table(data, attribute, gap, up, found)
            ),
        ),
        attributes=(attribute,),
    )


def _point(data: ReportData, model: str, x: Estimate, y: Estimate) -> dict[str, Any]:
    index = slot(data, model)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": model_label(model),
        "meta": model,
        "x": [x.value],
        "y": [y.value],
        "hovertemplate": "%{y:.3f} at a gap of %{x:.3f}<extra>%{fullData.name}</extra>",
        "marker": {"color": colour(index), "symbol": SYMBOLS[index], "size": 12},
        "error_x": error_bars([x], colour(index)),
        "error_y": error_bars([y], colour(index)),
    }


def _table(
    data: ReportData,
    attribute: str,
    gap: str,
    up: str,
    found: list[tuple[str, Estimate | None, Estimate | None]],
) -> Table:
    rows = tuple(
        Row(model_label(m), (cell(x, chance=True), cell(y)), slot=slot(data, m)) for m, x, y in found
    )
    heads = (Column(metric_label(gap)), Column(metric_label(up)))
    return Table(f"Accuracy and gap between {attribute} groups", "Model", heads, rows)
