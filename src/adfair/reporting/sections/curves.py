"""Training curves: what each term did, against the level that means it learned nothing."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from adfair.reporting.data import ReportData, RunRecord, model_label
from adfair.reporting.sections.section import Section
from adfair.reporting.text import listed, number
from adfair.reporting.view import Cell, Column, Figure, Row, Table, Variant, colour, slot

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
MOST_POINTS = 200
INTRO = (
    "The contrastive loss must fall below the logarithm of the batch size, its level by chance. For a "
    "fair model the adversary should end near chance: a normalised loss near 1 and balanced accuracy near "
    "one over the number of groups. An adversary can be fooled without the group being gone, which is why "
    "leakage is measured by fresh probes."
)
PANELS = {
    "contrastive": ("Contrastive loss", "nats"),
    "adversary_loss": ("Adversary loss", "normalised, 1 = chance"),
    "adversary_accuracy": ("Adversary accuracy", "balanced accuracy"),
    "adversary_weight": ("Adversary weight", "λ"),
    "validation.leakage": ("Leakage on the validation split", "AUC of a quick probe"),
}


def curves(data: ReportData) -> Section | None:
    """One small figure a logged term."""
    runs = [run for run in data.runs if run.log and run.name in data.models]
    figures = [_figure(data, runs, key, i) for i, key in enumerate(PANELS)]
    shown = tuple(figure for figure in figures if figure is not None)
    if not shown:
        return None
    warned = tuple(_warnings(runs))
    return Section("training", "Training", "How training went", INTRO, figures=shown, warnings=warned)


def _warnings(runs: list[RunRecord]) -> list[str]:
    """What training warned of, one sentence each, before anything else."""
    return [
        f"Warning, {model_label(run.name)}, step {step.get('step')}: {step.get('reason')}. {step.get('remedy')}"
        for run in runs
        for step in run.log
        if "warning" in step
    ]


def _series(run: RunRecord, key: str) -> dict[str, list[tuple[float, float]]]:
    """Points by attribute; ``''`` for a term that has none."""
    found: dict[str, list[tuple[float, float]]] = {}
    for step in run.log:
        value: Any = step
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        parts = value if isinstance(value, Mapping) else {"": value}
        for name, number_ in parts.items():
            if isinstance(number_, int | float) and math.isfinite(number_):
                found.setdefault(str(name), []).append((float(step.get("step", 0)), float(number_)))
    # A run logs an adversary as race, or as image:race; the tower is said only where there are two.
    towers = {name.rpartition(":")[0] for name in found}
    short = {name: name.rpartition(":")[2] if len(towers) == 1 else name for name in found}
    return {short[name]: _thinned(points) for name, points in found.items()}


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    stride = max(1, math.ceil(len(points) / MOST_POINTS))
    return points[::stride] if (len(points) - 1) % stride == 0 else [*points[::stride], points[-1]]


def _figure(data: ReportData, runs: list[RunRecord], key: str, index: int) -> Figure | None:
    title, unit = PANELS[key]
    if key == "adversary_weight":
        # A run without an adversary has a weight in its configuration that never acts.
        runs = [run for run in runs if _series(run, "adversary_loss")]
    lines = [(run, name, points) for run in runs for name, points in _series(run, key).items()]
    if not lines:
        return None
    names = list(dict.fromkeys(name for _, name, _ in lines))
    traces = [_line(data, run, name, points, names.index(name)) for run, name, points in lines]
    ends = [f"{_name(run, name)} {number(points[-1][1])}" for run, name, points in lines]
    layout = {
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": unit}, "rangemode": "tozero" if key == "adversary_weight" else "normal"},
    }
    traces += _warned(runs, key)
    levels = CHANCE[key](data, runs, names)
    traces += [_level(text, y, lines[0][2]) for text, y in levels]
    against = listed([f"{text} {number(y)}" for text, y in levels])
    summary = f"Last values: {listed(ends)}" + (f" ({against})." if against else ".")
    table = _table(title, lines)
    return Figure(f"curve-{index}", title, summary, (Variant("", tuple(traces), layout, table),), height=280)


def _name(run: RunRecord, name: str) -> str:
    tower, _, attribute = name.rpartition(":")
    parts = [model_label(run.name), attribute, f"{tower} tower" if tower else ""]
    return ", ".join(filter(None, parts))


def _line(
    data: ReportData, run: RunRecord, name: str, points: list[tuple[float, float]], order: int
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": _name(run, name),
        "meta": run.name,
        "x": [x for x, _ in points],
        "y": [round(y, 5) for _, y in points],
        "line": {"color": colour(slot(data, run.name)), "width": 1.8, "dash": DASHES[order % len(DASHES)]},
        "hovertemplate": "step %{x}: %{y:.3f}<extra>%{fullData.name}</extra>",
    }


def _warned(runs: list[RunRecord], key: str) -> list[dict[str, Any]]:
    """A mark on a run's first line at each step that training warned of."""
    marks = []
    for run in runs:
        steps = [step for step in run.log if "warning" in step]
        points = next(iter(_series(run, key).values()), [])
        if not steps or not points:
            continue
        nearest = [min(points, key=lambda p, at=s.get("step", 0): abs(p[0] - at)) for s in steps]  # type: ignore[misc]
        marks.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"{model_label(run.name)}, warning",
                "meta": run.name,
                "x": [step.get("step", 0) for step in steps],
                "y": [round(y, 5) for _, y in nearest],
                "text": [str(step.get("reason", step["warning"])) for step in steps],
                "hovertemplate": "step %{x}: %{text}<extra>%{fullData.name}</extra>",
                "marker": {"color": "@bad", "symbol": "triangle-down", "size": 12},
            }
        )
    return marks


def _level(text: str, y: float, points: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": text,
        "x": [points[0][0], points[-1][0]],
        "y": [round(y, 5)] * 2,
        "line": {"color": "@muted", "width": 1.4, "dash": "dot"},
        "hovertemplate": "%{fullData.name} %{y:.3f}<extra></extra>",
    }


Levels = list[tuple[str, float]]


def _contrastive_chance(_: ReportData, runs: list[RunRecord], __: list[str]) -> Levels:
    logged = [[y for step in run.log if (y := step.get("contrastive_chance")) is not None] for run in runs]
    last = dict.fromkeys(values[-1] for values in logged if values)
    return [("chance, log(batch)", float(y)) for y in last if isinstance(y, int | float)]


def _accuracy_chance(data: ReportData, _: list[RunRecord], names: list[str]) -> Levels:
    declared = data.cohort.get("attributes") or {}
    wanted = dict.fromkeys(name.rpartition(":")[2] for name in names)
    sizes = {n: len(declared.get(n) or [g for g in data.groups(n) if g != "Unknown"]) for n in wanted}
    return [(f"chance, {name}", 1 / size) for name, size in sizes.items() if size]


CHANCE: dict[str, Callable[[ReportData, list[RunRecord], list[str]], Levels]] = {
    "contrastive": _contrastive_chance,
    "adversary_loss": lambda _, __, ___: [("chance", 1.0)],
    "adversary_accuracy": _accuracy_chance,
    "adversary_weight": lambda _, __, ___: [],
    "validation.leakage": lambda _, __, ___: [("chance", 0.5)],
}


def _table(title: str, lines: list[tuple[RunRecord, str, list[tuple[float, float]]]]) -> Table:
    """Five moments of every line, for readers who cannot see it."""
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    rows = []
    for run, name, points in lines:
        picked = [points[round(s * (len(points) - 1))] for s in shares]
        rows.append(Row(_name(run, name), tuple(Cell(number(y), (f"step {x:.0f}",)) for x, y in picked)))
    heads = tuple(Column(text) for text in ("start", "a quarter", "half", "three quarters", "end"))
    return Table(f"{title} over training", "Line", heads, tuple(rows))
