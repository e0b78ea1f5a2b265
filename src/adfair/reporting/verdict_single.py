"""The verdict on one model: whether groups differ beyond chance, in the page's gap or in any other."""

from adfair.auditing.attributes import UNKNOWN
from adfair.auditing.reasons import mean_over
from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.judgement import (
    Verdict,
    against_chance,
    blind,
    one_sided_note,
    other_gaps,
    undefined_note,
    widest,
)
from adfair.reporting.text import few, groups_of, listed, metric_words, with_interval


def single(data: ReportData) -> Verdict:
    """Put the primary test set of one model into words."""
    model, metric = data.models[0], data.gap_metric
    name, auc = model_label(model), data.get("auc", model=model)
    second = (
        f"Mean AUC is {with_interval(auc)}{_worst(data, model)}." if auc else "The table holds no mean AUC."
    )
    found = [(a, g) for a in data.attributes if (g := data.get(metric or "", model=model, attribute=a))]
    if metric is None or not found:
        first = "The table holds no gap between groups, so it says nothing about fairness."
        return Verdict(f"{name}: accuracy without a fairness audit", (first, second), (), "neutral")
    attribute, gap = found[0]
    first = f"Between {groups_of(attribute)} the {metric_words(metric)} of {name} is {against_chance(gap)}."
    hidden = [*filter(None, (widest(data, model, a) for a, _ in found)), *other_gaps(data, model)]
    notes = [*hidden, *map(_other, found[1:]), one_sided_note(data, model), undefined_note(data)]
    empty = metric != "auc_gap" and blind(data, model)
    clear = not empty and not hidden and not any(g.beyond_chance for _, g in found)
    return Verdict(
        f"{name}: a threshold that tells no images apart"
        if empty
        else _headline(name, metric_words(metric), found, hidden),
        (first, second),
        tuple(filter(None, notes)),
        "neutral" if clear else "mixed",
    )


def _other(found: tuple[str, Estimate]) -> str:
    attribute, gap = found
    told = ": not beyond chance" if gap.beyond_chance is False else ""
    return f"Between {groups_of(attribute)} it is {against_chance(gap)}{told}."


def _headline(name: str, words: str, found: list[tuple[str, Estimate]], hidden: list[str]) -> str:
    beyond = [groups_of(attribute) for attribute, gap in found if gap.beyond_chance]
    if beyond:
        return f"{name}: a gap between {listed(beyond)} beyond chance"
    told = [groups_of(attribute) for attribute, gap in found if gap.beyond_chance is False]
    if hidden:
        return f"{name}: a gap beyond chance, though the mean {words} shows none"
    if told:
        return f"{name}: no gap between {listed(told)} beyond chance was found"
    if not any(gap.defined for _, gap in found):
        return f"{name}: no gap between {listed([groups_of(a) for a, _ in found])} could be computed"
    return f"{name}: the gap between {groups_of(found[0][0])}, not tested against chance"


def _worst(data: ReportData, model: str) -> str:
    if not data.attributes:
        return ""
    attribute = data.attributes[0]
    groups = [group for group in data.groups(attribute) if group != UNKNOWN]
    found = [(g, data.get("auc", model=model, attribute=attribute, group=g)) for g in groups]
    overall = data.get("auc", model=model)
    defined = [(g, e) for g, e in found if e is not None and e.defined]
    # A mean over easier findings than the others' does not tell who is served worse.
    over = mean_over(overall.note) if overall else ""
    known = [(g, e) for g, e in defined if mean_over(e.note) == over]
    if len(known) < 2:
        return ""
    group, least = min(known, key=lambda item: item[1].value)
    which = groups_of(attribute) if known == defined else f"{groups_of(attribute)} with the same findings"
    return f"; of the {which}, {group} is served worst, at {with_interval(least)}{few(least)}"
