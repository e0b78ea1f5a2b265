"""How one number moved from the baseline to the candidate, and whether the table can tell."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from adfair.reporting.data import Estimate, ReportData
from adfair.reporting.text import interval, number

Direction = Literal["rose", "fell", "stayed"]


@dataclass(frozen=True)
class Change:
    """``clear`` means that chance is an unlikely cause: see ``change``."""

    before: Estimate
    after: Estimate
    direction: Direction
    clear: bool
    paired: bool

    @property
    def sign(self) -> int:
        """+1 or -1 for a clear rise or fall, 0 when the table does not settle it."""
        return (1 if self.direction == "rose" else -1) if self.clear and self.direction != "stayed" else 0

    def phrase(self, before: str, after: str) -> str:
        """``fell from .224 [..] with CLIP to .058 [..] with AdFair-CLIP``, with what the intervals allow."""
        a, b = self.before, self.after
        if self.direction == "stayed":
            return f"stayed at {number(a.value)} ({before} {interval(a)}, {after} {interval(b)})"
        moved = f"{self.direction} from {_with(a)} with {before} to {_with(b)} with {after}"
        return moved if self.clear else f"{moved}, {self.doubt}"

    @property
    def doubt(self) -> str:
        if self.paired:
            return "a difference whose paired interval includes zero"
        if self.before.has_interval and self.after.has_interval:
            return "a difference that the overlapping intervals do not settle"
        return "a difference given without intervals"


def _with(estimate: Estimate) -> str:
    return " ".join(filter(None, (number(estimate.value), interval(estimate))))


def _paired(data: ReportData, metric: str, attribute: str) -> tuple[float, float] | None:
    frame, pair = data.differences, data.pair
    needed = {"model_a", "model_b", "metric", "finding", "attribute", "ci_low", "ci_high"}
    if pair is None or not needed <= set(frame.columns):
        return None
    text = frame.fillna({"finding": "", "attribute": ""})
    rows = text[
        (text["metric"] == metric) & (text["attribute"] == attribute) & text["finding"].isin(["mean", ""])
    ]
    if "group" in rows:
        rows = rows[rows["group"].fillna("") == ""]
    if "test_set" in rows:
        rows = rows[rows["test_set"] == data.test_sets[0]]
    either = rows[(rows["model_a"].isin(pair)) & (rows["model_b"].isin(pair))]
    if {"value_a", "value_b"} <= set(rows.columns):
        # Pairs of other images, findings or groups than those of the two tables say nothing of what is printed.
        either = either[_same(either, data, metric, attribute)]
    low, high = (pd.to_numeric(either[c], errors="coerce") for c in ("ci_low", "ci_high"))
    return (float(low.iloc[0]), float(high.iloc[0])) if len(either) and low.notna().iloc[0] else None


def _same(rows: pd.DataFrame, data: ReportData, metric: str, attribute: str) -> pd.Series:
    """Whether both values of each difference are those of the models' own tables."""
    fits = pd.Series(True, index=rows.index)
    for side in ("a", "b"):
        found = rows[f"model_{side}"].map(
            lambda model: (
                e.value if (e := data.get(metric, model=model, attribute=attribute)) else float("nan")
            )
        )
        fits &= (pd.to_numeric(rows[f"value_{side}"], errors="coerce") - found).abs() < 1e-6
    return fits


def change(
    data: ReportData, metric: str, *, attribute: str = "", test_set: str | None = None
) -> Change | None:
    """The move from baseline to candidate; ``None`` with one model or when either value is undefined.

    A change is clear when the paired interval of the difference excludes zero, or, without a paired
    comparison, when the two intervals do not overlap: a stricter rule, since it ignores the pairing.
    """
    if data.pair is None:
        return None
    before, after = (data.get(metric, model=m, attribute=attribute, test_set=test_set) for m in data.pair)
    if before is None or after is None or not (before.defined and after.defined):
        return None
    paired = _paired(data, metric, attribute) if test_set in (None, data.test_sets[0]) else None
    if paired is not None:
        # The largest of several differences is biased upwards in resamples, so that the interval may lie on the other side.
        clear = paired[0] > 0 if after.value > before.value else paired[1] < 0
    else:
        clear = after.low > before.high or after.high < before.low
    return Change(before, after, _direction(before.value, after.value), clear, paired is not None)


def _direction(before: float, after: float) -> Direction:
    if number(before) == number(after):
        return "stayed"
    return "rose" if after > before else "fell"
