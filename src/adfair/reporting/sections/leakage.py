"""What fresh probes read from the embeddings, against chance."""

from typing import Any

from adfair.reporting.data import ReportData, model_label
from adfair.reporting.sections.section import Section
from adfair.reporting.text import listed, number, with_interval
from adfair.reporting.view import (
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

PROBES = {
    "leakage_auc_lr": "Logistic regression",
    "leakage_auc_mlp": "MLP",
    "leakage_auc": "Larger of the two",
}
INTRO = (
    "How well a freshly trained classifier tells a patient's group from the image embedding alone: .500 "
    "is guessing, 1.000 is certain. Leakage is not unfairness: a model can encode a group and treat it "
    "equally, or hide it and still fail it. It says what the model could act on; the gaps above say what "
    "it does."
)


def leakage(data: ReportData) -> Section | None:
    """Bars that grow from chance, one figure an attribute."""
    present = set(zip(data.metrics["metric"], data.metrics["attribute"], strict=True))
    shown = [a for a in data.attributes if any((p, a) in present for p in PROBES)]
    if not shown:
        return None
    figures = tuple(_figure(data, a, i) for i, a in enumerate(shown))
    return Section("leakage", "Leakage", "What the embedding gives away", INTRO, figures=figures)


def _figure(data: ReportData, attribute: str, index: int) -> Figure:
    larger = [(m, data.get("leakage_auc", model=m, attribute=attribute)) for m in data.models]
    parts = [f"{model_label(m)} {with_interval(e)}" for m, e in larger if e is not None]
    traces = tuple(trace for m in data.models for trace in _bars(data, m, attribute))
    return Figure(
        key=f"leakage-{index}",
        title=f"Leakage of {attribute}",
        summary=f"Larger probe: {listed(parts) or 'not in the table'}; chance is .500.",
        variants=(Variant("", traces, _layout(), _table(data, attribute)),),
        height=300,
        attributes=(attribute,),
    )


def _bars(data: ReportData, model: str, attribute: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """One model's bars and, above the end of each interval, the number."""
    share = 0.72 / len(data.models)
    shift = (data.models.index(model) - (len(data.models) - 1) / 2) * share
    found = [(i + shift, p, data.get(p, model=model, attribute=attribute)) for i, p in enumerate(PROBES)]
    shown = [(x, probe, e) for x, probe, e in found if e is not None and e.defined]
    bars = {
        "type": "bar",
        "name": model_label(model),
        "meta": model,
        "x": [x for x, _, _ in shown],
        "width": [share * 0.88] * len(shown),
        # The bar starts at chance, so its length is what the probe learned.
        "base": [0.5] * len(shown),
        "y": [e.value - 0.5 for _, _, e in shown],
        "customdata": [f"{PROBES[probe]}: {with_interval(e)}" for _, probe, e in shown],
        "hovertemplate": "%{customdata}<extra>%{fullData.name}</extra>",
        "marker": {
            "color": colour(slot(data, model)),
            "opacity": [1 if probe == "leakage_auc" else 0.55 for _, probe, _ in shown],
        },
        "error_y": error_bars([e for _, _, e in shown], "@ink"),
    }
    numbers = {
        "type": "scatter",
        "meta": model,
        "mode": "text",
        "x": bars["x"],
        "y": [max(e.value, e.high if e.has_interval else 0, 0.5) + 0.01 for _, _, e in shown],
        "text": [number(e.value) for _, _, e in shown],
        "textposition": "top center",
        "textfont": {"color": "@ink", "size": 12},
        "hoverinfo": "skip",
        "showlegend": False,
        "cliponaxis": False,
    }
    return bars, numbers


def _layout() -> dict[str, Any]:
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0.5, "y1": 0.5}
    ticks = {"tickvals": list(range(len(PROBES))), "ticktext": ["Logistic", "MLP", "Larger"], "tickangle": 0}
    return {
        "yaxis": {
            "title": {"text": "AUC of the probe"},
            "range": [0.4, 1.09],
            "tickvals": [0.5, 0.6, 0.7, 0.8, 0.9, 1],
        },
        "xaxis": {"showgrid": False, "zeroline": False, "range": [-0.5, len(PROBES) - 0.5], **ticks},
        # Bars are placed by hand so that the numbers can stand on them.
        "barmode": "overlay",
        "shapes": [{**line, "line": {"color": "@muted", "width": 1.5, "dash": "dash"}}],
        "annotations": [_note("chance .500", 0.5)],
    }


def _note(text: str, y: float) -> dict[str, Any]:
    place = {"xref": "paper", "x": 1, "xanchor": "right", "y": y, "yanchor": "top"}
    return {"text": text, **place, "showarrow": False, "font": {"color": "@muted", "size": 11}}


def _table(data: ReportData, attribute: str) -> Table:
    body = []
    for probe, label in PROBES.items():
        found = [data.get(probe, model=m, attribute=attribute) for m in data.models]
        least = extreme(found, largest=False)
        body.append(
            Row(label, tuple(cell(e, mark="best" if i == least else "") for i, e in enumerate(found)))
        )
    return Table(
        caption=f"AUC of probes that predict {attribute} from the embedding (chance .500)",
        head="Probe",
        columns=tuple(Column(model_label(m), slot=slot(data, m)) for m in data.models),
        rows=tuple(body),
        attribute=attribute,
    )
