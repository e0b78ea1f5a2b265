"""The page of a sweep's trade-offs: accuracy against each cost, a point an arm, the best trade-offs marked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from adfair.auditing.repeats import Figure
from adfair.metrics.repeats import pareto_optimal
from adfair.reporting.render import page
from adfair.reporting.repeats import figure_label, spread
from adfair.reporting.text import listed
from adfair.reporting.view import Cell, Column, Row, Table, Variant
from adfair.reporting.view import Figure as Drawing

LEAD = (
    "Each point is an arm: its mean over seeds, with bars of one standard deviation. Up and to the left is better. "
    "Diamonds on the line are the arms that no other arm beats on both axes."
)
READING = (
    "An arm is marked when no other has at least its accuracy at no more of the cost, and is better in one. The "
    "means are compared as they are: a lead smaller than the bars can turn with other seeds.",
    "Equalized odds difference: at the chosen thresholds, the larger of two gaps between groups, in true and in "
    "false positive rates. Finite test sets show a gap even between groups that are treated alike.",
    "Leakage: how well a fresh classifier reads the group from the embedding. It is about what is encoded, not "
    "about how patients are treated.",
    "An arm with an undefined figure is in the tables with its reason and has no point.",
    "A research result; not validated for clinical use.",
)


def frontier_page(table: pd.DataFrame, *, accuracy: Figure, costs: Sequence[Figure]) -> str:
    """One self-contained page with a figure for each cost; cohorts are switched by one control.

    Args:
        table: what ``adfair.auditing.repeats.summarise`` returns, with rows for ``accuracy`` and every cost.
        accuracy: the vertical axis, better large. costs: horizontal axes, better small.
    """
    cohorts = list(dict.fromkeys(table["cohort"]))
    parts = {str(name): rows for name, rows in table.groupby("cohort", sort=False)}
    drawings = tuple(
        _drawing(parts, f"frontier-{i}", accuracy=accuracy, cost=cost) for i, cost in enumerate(costs)
    )
    return page(
        "frontier.html.j2",
        title="Accuracy and fairness of every arm",
        lead=LEAD if drawings else "No test set has a figure of fairness or leakage to set against accuracy.",
        cohorts=cohorts,
        figures=drawings,
        reading=READING,
    )


def _drawing(parts: dict[str, pd.DataFrame], key: str, *, accuracy: Figure, cost: Figure) -> Drawing:
    label, against = figure_label(accuracy, accuracy.test_set), figure_label(cost, accuracy.test_set)
    variants, optimal = [], []
    for cohort, rows in parts.items():
        points = _points(rows, accuracy, cost)
        variants.append(_variant(cohort, points, label, against))
        optimal.append(f"{cohort}: {listed(list(points.index[points['optimal']])) or 'no arm is defined'}")
    summary = f"Best trade-offs, {'; '.join(optimal)}."
    return Drawing(key, f"{label} against {against}", summary, tuple(variants), height=430)


def _points(rows: pd.DataFrame, accuracy: Figure, cost: Figure) -> pd.DataFrame:
    """One row an arm: mean, sd and note of both axes, and whether it is optimal and the baseline."""
    axes = [_axis(rows, figure).add_suffix(end) for figure, end in ((accuracy, "_y"), (cost, "_x"))]
    points = pd.concat(axes, axis=1)
    points["optimal"] = pareto_optimal(np.stack([points["mean_y"], -points["mean_x"]], axis=1))
    points["baseline"] = points.index == rows["baseline"].iloc[0]
    return points


def _axis(rows: pd.DataFrame, figure: Figure) -> pd.DataFrame:
    chosen = rows[[Figure(*key) == figure for key in rows[["test_set", "metric", "attribute"]].to_numpy()]]
    return chosen.set_index("arm")[["mean", "sd", "note"]]


def _variant(cohort: str, points: pd.DataFrame, label: str, against: str) -> Variant:
    drawn = points[points["mean_x"].notna() & points["mean_y"].notna()].sort_values("mean_x", kind="stable")
    drawn = drawn.assign(left=drawn["mean_x"] <= drawn["mean_x"].agg(["min", "max"]).mean())
    best, others = drawn[drawn["optimal"]], drawn[~drawn["optimal"]]
    base = others[others["baseline"]]
    traces = (
        _trace(others[~others["baseline"]], "other arms", "@muted", "circle", "markers"),
        _trace(base, "baseline", "@s0", "square", "markers+text"),
        _trace(best, "best trade-offs", "@s1", "diamond", "lines+markers+text"),
    )
    layout = {"xaxis": {"title": {"text": f"{against} (better left)"}}, "yaxis": {"title": {"text": label}}}
    return Variant(cohort, traces, layout, _table(cohort, points, label, against))


def _trace(points: pd.DataFrame, name: str, colour: str, symbol: str, mode: str) -> dict[str, Any]:
    # The bars of one seed have no length.
    x_bars, y_bars = points["sd_x"].fillna(0).tolist(), points["sd_y"].fillna(0).tolist()
    bars = {"type": "data", "color": colour, "thickness": 1.2, "width": 0}
    return {
        "type": "scatter",
        "mode": mode,
        "name": name,
        "x": points["mean_x"].tolist(),
        "y": points["mean_y"].tolist(),
        "text": [f"{arm} (baseline)" if b else str(arm) for arm, b in points["baseline"].items()],
        # Towards the middle of the figure, so that no name is cut off at its edge.
        "textposition": ["bottom right" if left else "bottom left" for left in points["left"]],
        "hovertemplate": "%{text}: %{y:.3f} at %{x:.3f}<extra></extra>",
        "marker": {"color": colour, "symbol": symbol, "size": 10},
        "line": {"color": colour, "width": 1.5, "dash": "dot"},
        "error_x": {**bars, "array": x_bars},
        "error_y": {**bars, "array": y_bars},
    }


def _table(cohort: str, points: pd.DataFrame, label: str, against: str) -> Table:
    rows = []
    for arm, point in points.iterrows():
        cells = tuple(_cell(point, end) for end in ("_y", "_x"))
        remark = ", ".join(
            w for w, is_so in (("baseline", point["baseline"]), ("best trade-off", point["optimal"])) if is_so
        )
        rows.append(Row(str(arm), cells, detail=remark))
    return Table(f"{cohort}: mean ± sd over seeds", "Arm", (Column(label), Column(against)), tuple(rows))


def _cell(point: pd.Series, end: str) -> Cell:
    if pd.isna(point[f"mean{end}"]):
        return Cell("undefined:", (point[f"note{end}"].removeprefix("undefined: "),), "undefined")
    return Cell(spread(pd.Series({"mean": point[f"mean{end}"], "sd": point[f"sd{end}"]})))
