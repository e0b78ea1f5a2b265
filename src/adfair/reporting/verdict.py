"""The first screen: what the table says, in two sentences, whichever model it favours."""

from dataclasses import dataclass
from typing import Literal

from adfair.reporting.changes import Change, change
from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.text import listed, number, p_text, undefined, with_interval

# The first of these that the table holds is the gap that the verdict speaks of.
GAPS = ("equalized_odds_difference", "demographic_parity_difference", "auc_gap")
GAP_WORDS = {
    "equalized_odds_difference": "equalized odds difference",
    "demographic_parity_difference": "demographic parity difference",
    "auc_gap": "AUC gap",
}
GAP_HEADLINES = {-1: "a smaller gap between {} groups", 0: "no clear change in the gap between {} groups"}
GAP_HEADLINES[1] = "a larger gap between {} groups"
# What the group and gap sections print; undefined values elsewhere are not on the page.
SHOWN = ("auc", "tpr", "fpr", *GAPS)
AUC_HEADLINES = {1: "at higher accuracy", 0: "at about the same accuracy", -1: "at lower accuracy"}
Tone = Literal["good", "mixed", "bad", "neutral"]


@dataclass(frozen=True)
class Verdict:
    """A headline, exactly two sentences, and what a reader must not overlook."""

    headline: str
    sentences: tuple[str, str]
    watch: tuple[str, ...]
    tone: Tone


def gap_metric(data: ReportData) -> str | None:
    """The gap metric of the verdict, or ``None`` when the table has no gap between groups."""
    present = set(data.metrics["metric"])
    return next((m for m in GAPS if m in present), None) if data.attributes else None


def verdict(data: ReportData) -> Verdict:
    """Put the primary test set into words, for one model or for a pair."""
    return _compared(data) if data.pair else _single(data)


def _compared(data: ReportData) -> Verdict:
    metric = gap_metric(data)
    gap = change(data, metric, attribute=data.attributes[0]) if metric else None
    auc = change(data, "auc")
    return Verdict(
        headline=_headline(data, gap, auc),
        sentences=(_gap_sentence(data, metric, gap), _auc_sentence(data, auc)),
        watch=tuple(_watch(data, metric, gap)),
        tone=_tone(gap.sign if gap else 0, auc.sign if auc else 0),
    )


def _headline(data: ReportData, gap: Change | None, auc: Change | None) -> str:
    parts = [GAP_HEADLINES[gap.sign].format(data.attributes[0])] if gap else []
    parts += [AUC_HEADLINES[auc.sign]] if auc else []
    assert data.pair is not None
    return f"{model_label(data.pair[1])}: {', '.join(parts) or 'the table does not allow a comparison'}"


def _tone(gap: int, auc: int) -> Tone:
    if gap < 0:
        return "good" if auc >= 0 else "mixed"
    if gap > 0:
        return "mixed" if auc > 0 else "bad"
    return "bad" if auc < 0 else "neutral"


def _gap_sentence(data: ReportData, metric: str | None, gap: Change | None) -> str:
    if metric is None:
        return "The table holds no gap between groups, so it says nothing about fairness."
    assert data.pair is not None
    before, after = data.pair
    attribute = data.attributes[0]
    if gap is None:
        reasons = _reasons(data, metric, attribute)
        return f"The {GAP_WORDS[metric]} between {attribute} groups cannot be compared ({reasons})."
    moved = gap.phrase(model_label(before), model_label(after))
    expected = _expected(gap.before, gap.after)
    return f"Between {attribute} groups the {GAP_WORDS[metric]} {moved}{expected}."


def _reasons(data: ReportData, metric: str, attribute: str) -> str:
    found = [(m, data.get(metric, model=m, attribute=attribute)) for m in data.pair or data.models]
    missing = [
        f"{model_label(m)}: {'not in the table' if e is None else undefined(e)}"
        for m, e in found
        if e is None or not e.defined
    ]
    return "; ".join(missing)


def _expected(before: Estimate, after: Estimate) -> str:
    chances = [number(e.chance) for e in (before, after) if e.chance == e.chance]
    if not chances:
        return ""
    return f" (expected by chance: {listed(list(dict.fromkeys(chances)))})"


def _auc_sentence(data: ReportData, auc: Change | None) -> str:
    if auc is None:
        return "Mean AUC cannot be compared: it is missing or undefined for one of the models."
    assert data.pair is not None
    return f"Mean AUC {auc.phrase(*(model_label(m) for m in data.pair))}."


def _watch(data: ReportData, metric: str | None, gap: Change | None) -> list[str]:
    notes = [_remains(gap)] if gap else []
    for attribute in data.attributes:
        moved = change(data, metric, attribute=attribute) if metric else None
        worst = change(data, "worst_group_auc", attribute=attribute)
        notes.append(_levelling(worst, attribute, closed=moved is not None and moved.direction == "fell"))
        if metric and attribute != data.attributes[0]:
            notes.append(_rose(moved, f"Between {attribute} groups the {GAP_WORDS[metric]}"))
    for place in data.test_sets[1:]:
        notes.append(_fell(change(data, "auc", test_set=place), f"On {place} the mean AUC"))
    return [note for note in [*notes, _undefined_note(data)] if note]


def _remains(gap: Change) -> str:
    after = gap.after
    if after.low > after.chance:
        return (
            f"A gap remains: {with_interval(after)} lies above the {number(after.chance)} expected by chance."
        )
    return ""


def _levelling(worst: Change | None, attribute: str, *, closed: bool) -> str:
    found = _fell(worst, f"The AUC of the worst-served {attribute} group")
    return f"{found} A gap that closes because others do worse is no gain." if found and closed else found


def _fell(moved: Change | None, what: str) -> str:
    if moved is None or moved.direction != "fell":
        return ""
    return f"{what} fell from {number(moved.before.value)} to {number(moved.after.value)}{_unsure(moved)}."


def _rose(moved: Change | None, what: str) -> str:
    if moved is None or moved.direction != "rose":
        return ""
    return f"{what} rose from {number(moved.before.value)} to {number(moved.after.value)}{_unsure(moved)}."


def _unsure(moved: Change) -> str:
    return "" if moved.clear else " (not a clear difference)"


def _undefined_note(data: ReportData) -> str:
    frame = data.metrics
    shown = frame["metric"].isin(SHOWN) & (frame["test_set"] == data.test_sets[0])
    missing = int(frame.loc[shown, "value"].isna().sum())
    if not missing:
        return ""
    values = "1 value" if missing == 1 else f"{missing} values"
    return f"{values} could not be computed; the tables give the reason in place of a number."


def _single(data: ReportData) -> Verdict:
    model, metric = data.models[0], gap_metric(data)
    name = model_label(model)
    auc = data.get("auc", model=model)
    second = (
        f"Mean AUC is {with_interval(auc)}{_worst(data, model)}." if auc else "The table holds no mean AUC."
    )
    attribute = data.attributes[0] if data.attributes else ""
    gap = data.get(metric, model=model, attribute=attribute) if metric else None
    if metric is None or gap is None:
        first = "The table holds no gap between groups, so it says nothing about fairness."
        return Verdict(f"{name}: accuracy without a fairness audit", (first, second), (), "neutral")
    p = f" ({p_text(gap.p_value)})" if p_text(gap.p_value) else ""
    against = f", against {number(gap.chance)} expected by chance{p}" if gap.chance == gap.chance else ""
    first = f"Between {attribute} groups the {GAP_WORDS[metric]} of {name} is {with_interval(gap)}{against}."
    note = _undefined_note(data)
    return Verdict(
        _single_headline(name, attribute, gap), (first, second), (note,) if note else (), _single_tone(gap)
    )


def _above_chance(gap: Estimate) -> bool | None:
    if gap.p_value == gap.p_value:
        return gap.p_value < 0.05
    return gap.low > gap.chance if gap.has_interval and gap.chance == gap.chance else None


def _single_headline(name: str, attribute: str, gap: Estimate) -> str:
    words = {
        True: f"a gap between {attribute} groups beyond chance",
        False: f"no gap between {attribute} groups beyond chance was found",
        None: f"the gap between {attribute} groups",
    }
    return f"{name}: {words[_above_chance(gap) if gap.defined else None]}"


def _single_tone(gap: Estimate) -> Tone:
    return "mixed" if gap.defined and _above_chance(gap) else "neutral"


def _worst(data: ReportData, model: str) -> str:
    if not data.attributes:
        return ""
    attribute = data.attributes[0]
    groups = data.groups(attribute)
    found = [(g, data.get("auc", model=model, attribute=attribute, group=g)) for g in groups]
    known = [(g, e) for g, e in found if e is not None and e.defined]
    if len(known) < 2:
        return ""
    group, least = min(known, key=lambda item: item[1].value)
    return f"; the {attribute} group served worst is {group}, at {with_interval(least)}"
