"""Gaps between groups: every model, finding and attribute with intervals and the level of chance."""

from typing import Any

from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.sections.section import Section
from adfair.reporting.text import listed, metric_label, with_interval
from adfair.reporting.view import (
    SYMBOLS,
    Column,
    Figure,
    Row,
    Table,
    Variant,
    cell,
    colour,
    error_bars,
    extreme,
    slot,
)

METRICS = (
    "equalized_odds_difference",
    "equal_opportunity_difference",
    "demographic_parity_difference",
    "auc_gap",
    "ece_gap",
)
INTRO = (
    "A gap is the difference between the groups a model serves best and worst; 0 means equal. Even "
    "identical groups show one in a finite sample, so each row has a tick at the gap that chance alone "
    "would give. Bars are intervals."
)


def gaps(data: ReportData) -> Section | None:
    """One figure an attribute; the metric is switched for all of them at once."""
    present = set(data.metrics["metric"])
    metrics = tuple(m for m in METRICS if m in present)
    if not metrics or not data.attributes:
        return None
    figures = tuple(_figure(data, a, i, metrics) for i, a in enumerate(data.attributes))
    return Section(
        key="gaps",
        short="Gaps",
        title="Gaps between groups",
        intro=INTRO,
        figures=figures,
        switch=tuple(metric_label(m) for m in metrics),
    )


def _figure(data: ReportData, attribute: str, index: int, metrics: tuple[str, ...]) -> Figure:
    rows = ("mean", *data.findings)
    return Figure(
        key=f"gap-{index}",
        title=f"Between {attribute} groups",
        summary=_summary(data, attribute, metrics[0]),
        variants=tuple(_variant(data, attribute, m, rows) for m in metrics),
        height=96 + len(rows) * max(34, min(17 * len(data.models), 64 + len(data.models))),
        attributes=(attribute,),
    )


def _summary(data: ReportData, attribute: str, metric: str) -> str:
    found = [(m, data.get(metric, model=m, attribute=attribute)) for m in data.models]
    parts = [f"{model_label(m)} {with_interval(e)}" for m, e in found if e is not None]
    return f"{metric_label(metric)}, mean over findings: {listed(parts) or 'not in the table'}."


def _variant(data: ReportData, attribute: str, metric: str, rows: tuple[str, ...]) -> Variant:
    found = {
        m: [data.get(metric, model=m, attribute=attribute, finding=f) for f in rows] for m in data.models
    }
    traces: list[dict[str, Any]] = []
    chance: list[tuple[float, float]] = []
    for order, model in enumerate(data.models):
        offset = (order - (len(data.models) - 1) / 2) * 0.7 / max(len(data.models), 2)
        places = [row + offset for row in range(len(rows))]
        traces.append(_points(data, model, places, found[model], rows))
        pairs = zip(places, found[model], strict=True)
        chance += [(y, e.chance) for y, e in pairs if e is not None and e.chance == e.chance]
    if chance:
        traces.insert(0, _ticks(chance))
    return Variant(
        metric_label(metric), tuple(traces), _layout(metric, rows), _table(data, attribute, metric, rows)
    )


def _points(
    data: ReportData, model: str, places: list[float], estimates: list[Estimate | None], rows: tuple[str, ...]
) -> dict[str, Any]:
    shown = [
        (y, e, f) for y, e, f in zip(places, estimates, rows, strict=True) if e is not None and e.defined
    ]
    index = slot(data, model)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": model_label(model),
        "meta": model,
        "x": [e.value for _, e, _ in shown],
        "y": [y for y, _, _ in shown],
        "text": [f"{f}: {with_interval(e)}" for _, e, f in shown],
        "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
        "marker": {"color": colour(index), "symbol": SYMBOLS[index], "size": 10},
        "error_x": error_bars([e for _, e, _ in shown], colour(index)),
    }


def _ticks(chance: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "expected by chance",
        "legendrank": 2000,
        "x": [x for _, x in chance],
        "y": [y for y, _ in chance],
        "hovertemplate": "expected by chance %{x:.3f}<extra></extra>",
        "marker": {"color": "@muted", "symbol": "line-ns-open", "size": 12, "line": {"width": 2}},
    }


def _layout(metric: str, rows: tuple[str, ...]) -> dict[str, Any]:
    labels = ["Mean of findings", *rows[1:]]
    return {
        "xaxis": {"title": {"text": f"{metric_label(metric)} (0 = equal)"}, "rangemode": "tozero"},
        "yaxis": {
            "tickvals": list(range(len(rows))),
            "ticktext": labels,
            "range": [len(rows) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
        "shapes": [_band()],
    }


def _band() -> dict[str, Any]:
    # The mean is what the verdict quotes, so its row is set apart.
    box = {"x0": 0, "x1": 1, "xref": "paper", "y0": -0.5, "y1": 0.5, "yref": "y"}
    return {"type": "rect", **box, "fillcolor": "@band", "line": {"width": 0}, "layer": "below"}


def _table(data: ReportData, attribute: str, metric: str, rows: tuple[str, ...]) -> Table:
    body = []
    for finding in rows:
        found = [data.get(metric, model=m, attribute=attribute, finding=finding) for m in data.models]
        best = extreme(found, largest=False)
        cells = tuple(cell(e, chance=True, mark="best" if i == best else "") for i, e in enumerate(found))
        body.append(Row("Mean of findings" if finding == "mean" else finding, cells))
    return Table(
        caption=f"{metric_label(metric)} between {attribute} groups",
        head="Finding",
        columns=tuple(Column(model_label(m), slot=slot(data, m)) for m in data.models),
        rows=tuple(body),
        attribute=attribute,
    )
