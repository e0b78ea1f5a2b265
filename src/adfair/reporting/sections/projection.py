"""The embeddings on a plane, coloured by finding and by group side by side."""

from typing import Any

import numpy as np

from adfair.reporting.data import ReportData, model_label
from adfair.reporting.projection import Projection, explained
from adfair.reporting.sections.section import Section
from adfair.reporting.text import count, listed, number
from adfair.reporting.view import SYMBOLS, Cell, Column, Figure, Row, Table, Variant, colour

INTRO = (
    "Each point is an image on the two directions in which the embeddings of a model spread most. Colours that part "
    "into clouds by finding are what the model is for; clouds by group show that the group shapes the embedding. A "
    "plane can hide what the other directions hold: the probes under Leakage read all of them."
)
MOST_NAMES = 8


def projection(data: ReportData) -> Section | None:
    """One figure for findings and one for each attribute; the model is switched for all of them at once."""
    models = [m for m in data.models if m in data.projections]
    if not models:
        return None
    by = list(dict.fromkeys(name for m in models for name in data.projections[m].colours))
    return Section(
        key="projection",
        short="Embedding",
        title="What shapes the embedding",
        intro=INTRO,
        figures=tuple(_figure(data, models, name, i) for i, name in enumerate(by)),
        switch=tuple(model_label(m) for m in models),
        switch_label="Model",
    )


def _figure(data: ReportData, models: list[str], by: str, index: int) -> Figure:
    found = {m: data.projections[m] for m in models}
    shares = [f"{model_label(m)} {number(explained(p.points, p.colours[by]))}" for m, p in found.items()]
    return Figure(
        key=f"projection-{index}",
        title=f"Coloured by {by}",
        summary=f"Share of the spread on the plane that lies between {by} means (0 = mixed): {listed(shares)}.",
        variants=tuple(_variant(m, p, by) for m, p in found.items()),
        height=400,
        attributes=() if by == "finding" else (by,),
    )


def _variant(model: str, found: Projection, by: str) -> Variant:
    names, sizes = np.unique(found.colours[by].astype(str), return_counts=True)
    ordered = [str(n) for n in names[np.argsort(-sizes, kind="stable")]]
    traces = tuple(_cloud(found, by, name, i) for i, name in enumerate(ordered[:MOST_NAMES]))
    axes = [f"component {i + 1} ({number(100 * s, 0)} % of the spread)" for i, s in enumerate(found.spread)]
    layout = {
        "xaxis": {"title": {"text": axes[0]}, "zeroline": False},
        "yaxis": {"title": {"text": axes[1]}, "zeroline": False},
    }
    return Variant(model_label(model), traces, layout, _table(model, found, by, ordered))


def _cloud(found: Projection, by: str, name: str, order: int) -> dict[str, Any]:
    points = found.points[found.colours[by] == name]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [float(f"{v:.3g}") for v in points[:, 0]],
        "y": [float(f"{v:.3g}") for v in points[:, 1]],
        "hovertemplate": "%{fullData.name}<extra></extra>",
        "marker": {"color": colour(order), "symbol": SYMBOLS[order], "size": 5.5, "opacity": 0.6},
    }


def _table(model: str, found: Projection, by: str, ordered: list[str]) -> Table:
    rows = []
    for name in ordered:
        points = found.points[found.colours[by] == name]
        centre = (Cell(number(v)) for v in points.mean(axis=0))
        rows.append(Row(name, (Cell(count(len(points))), *centre)))
    shown = f"{count(len(found.points))} of {count(found.images)} images"
    heads = (Column("Images shown"), Column("Mean, component 1"), Column("Mean, component 2"))
    return Table(f"{model_label(model)}, {shown}: where each {by} lies", by, heads, tuple(rows))
