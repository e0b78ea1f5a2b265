"""The three key figures: values with intervals, as small strips beside the level of chance."""

from collections.abc import Mapping
from dataclasses import dataclass

from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.text import interval, metric_label, number, undefined
from adfair.reporting.view import slot

# Per cent of a strip's width kept free at each end, so that a dot at the edge is whole.
MARGIN = 3.0


@dataclass(frozen=True)
class Strip:
    """One model's value; positions are per cent of the width, ``None`` where there is nothing to draw."""

    model: str
    slot: int
    text: str
    interval: str
    chance: str
    at: float | None
    low: float | None
    high: float | None
    chance_at: float | None


@dataclass(frozen=True)
class KeyFigure:
    """A card of the first screen."""

    label: str
    hint: str
    strips: tuple[Strip, ...]


def key_figures(data: ReportData) -> tuple[KeyFigure, ...]:
    """The gap of the verdict, mean AUC, and the AUC of the group served worst."""
    attribute = data.attributes[0] if data.attributes else ""
    metric = data.gap_metric
    cards = [
        _card(data, "auc", "", "Mean AUC", "Higher is better. Guessing gives .500."),
    ]
    if metric:
        label = f"{metric_label(metric)}, {attribute}"
        cards.insert(0, _card(data, metric, attribute, label, "Lower is better. The tick marks chance."))
    if attribute:
        label = f"Worst-group AUC, {attribute}"
        hint = "Higher is better. Chance: the value expected if groups did not differ."
        cards.append(_card(data, "worst_group_auc", attribute, label, hint))
    return tuple(card for card in cards if card.strips)


def _card(data: ReportData, metric: str, attribute: str, label: str, hint: str) -> KeyFigure:
    models = data.pair or data.models[:1]
    found = [(m, data.get(metric, model=m, attribute=attribute)) for m in models]
    present = [(m, e) for m, e in found if e is not None]
    scale = _scale([e for _, e in present])
    return KeyFigure(label, hint + _level(data), tuple(_strip(data, m, e, scale) for m, e in present))


def _level(data: ReportData) -> str:
    """The level of the intervals where it is not the 95 % that a reader takes for granted."""
    found = data.facts.get("level")
    levels = found if isinstance(found, Mapping) else {"": found}
    return "".join(
        f" Intervals{f' of {model_label(model)}' if model else ''}: {100 * level:g} %."
        for model, level in levels.items()
        if isinstance(level, float) and level != 0.95
    )


def _scale(estimates: list[Estimate]) -> tuple[float, float]:
    numbers = [x for e in estimates for x in (e.value, e.low, e.high, e.chance) if x == x]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    return (low, high) if high > low else (low - 0.05, high + 0.05)


def _strip(data: ReportData, model: str, estimate: Estimate, scale: tuple[float, float]) -> Strip:
    def place(x: float) -> float | None:
        share = (x - scale[0]) / (scale[1] - scale[0])
        return round(MARGIN + share * (100 - 2 * MARGIN), 2) if x == x else None

    return Strip(
        model=model_label(model),
        slot=slot(data, model),
        text=number(estimate.value) if estimate.defined else undefined(estimate),
        interval=interval(estimate),
        chance=number(estimate.chance) if estimate.chance == estimate.chance else "",
        at=place(estimate.value),
        low=place(estimate.low),
        high=place(estimate.high),
        chance_at=place(estimate.chance),
    )
