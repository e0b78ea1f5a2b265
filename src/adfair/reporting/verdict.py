"""The first screen: what the table says, in two sentences, whichever model it favours."""

from dataclasses import dataclass
from typing import Literal

from adfair.auditing.attributes import UNKNOWN
from adfair.reporting.changes import Change, change
from adfair.reporting.data import GAPS, Estimate, ReportData, model_label
from adfair.reporting.text import groups_of, listed, number, p_text, undefined, with_interval

GAP_WORDS = {
    "equalized_odds_difference": "equalized odds difference",
    "demographic_parity_difference": "demographic parity difference",
    "auc_gap": "AUC gap",
}
GAP_HEADLINES = {
    -1: "a smaller gap between {}",
    0: "no clear change in the gap between {}",
    1: "a larger gap between {}",
}
# What the group and gap sections print; undefined values elsewhere are not on the page.
SHOWN = ("auc", "tpr", "fpr", *GAPS)
AUC_HEADLINES = {1: "at higher accuracy", 0: "with no clear change of accuracy", -1: "at lower accuracy"}
Tone = Literal["good", "mixed", "bad", "neutral"]


@dataclass(frozen=True)
class Verdict:
    """A headline, exactly two sentences, and what a reader must not overlook."""

    headline: str
    sentences: tuple[str, str]
    watch: tuple[str, ...]
    tone: Tone


def verdict(data: ReportData) -> Verdict:
    """Put the primary test set into words, for one model or for a pair."""
    return _compared(data) if data.pair else _single(data)


def _compared(data: ReportData) -> Verdict:
    metric = data.gap_metric
    gap = change(data, metric, attribute=data.attributes[0]) if metric else None
    auc = change(data, "auc")
    return Verdict(
        headline=_headline(data, gap, auc),
        sentences=(_gap_sentence(data, metric, gap), _auc_sentence(data, auc)),
        watch=tuple(_watch(data, metric)),
        tone=_tone(gap.sign if gap else 0, auc.sign if auc else 0),
    )


def _headline(data: ReportData, gap: Change | None, auc: Change | None) -> str:
    parts = [GAP_HEADLINES[gap.sign].format(groups_of(data.attributes[0]))] if gap else []
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
        return f"The {GAP_WORDS[metric]} between {groups_of(attribute)} cannot be compared ({reasons})."
    moved = gap.phrase(model_label(before), model_label(after))
    expected = _expected(gap.before, gap.after)
    return f"Between {groups_of(attribute)} the {GAP_WORDS[metric]} {moved}{expected}."


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


def _watch(data: ReportData, metric: str | None) -> list[str]:
    assert data.pair is not None
    notes = []
    for attribute in data.attributes:
        moved = change(data, metric, attribute=attribute) if metric else None
        worst = change(data, "worst_group_auc", attribute=attribute)
        notes.append(_remains(moved, attribute))
        notes.append(_levelling(worst, attribute, closed=moved is not None and moved.direction == "fell"))
        if metric and attribute != data.attributes[0]:
            notes.append(_rose(moved, f"Between {groups_of(attribute)} the {GAP_WORDS[metric]}"))
    for place in data.test_sets[1:]:
        notes.append(_fell(change(data, "auc", test_set=place), f"On {place} the mean AUC"))
    notes += [_one_sided(data, model) for model in data.pair]
    return [note for note in [*notes, _undefined_note(data)] if note]


def _remains(gap: Change | None, attribute: str) -> str:
    if gap is None or not gap.after.beyond_chance:
        return ""
    return f"A gap between {groups_of(attribute)} remains: {with_interval(gap.after)}{_by_chance(gap.after)}."


def _by_chance(gap: Estimate) -> str:
    return f", against {number(gap.chance)} expected by chance" if gap.chance == gap.chance else ""


def _one_sided(data: ReportData, model: str) -> str:
    """Findings at whose threshold all images are on one side, so that rates cannot differ between groups."""
    found = one_sided(data, model)
    if not found:
        return ""
    all_of_them = "every finding" if len(found) == len(data.findings) else listed(found)
    return (
        f"At its threshold {model_label(model)} has all images on one side for {all_of_them}: "
        "rates there, and the gaps between them, say nothing."
    )


def one_sided(data: ReportData, model: str) -> list[str]:
    """Findings that a model calls in every image, or in none."""
    shares = {f: data.get("selection_rate", model=model, finding=f) for f in data.findings}
    return [f for f, share in shares.items() if share is not None and share.value in (0.0, 1.0)]


def _levelling(worst: Change | None, attribute: str, *, closed: bool) -> str:
    found = _fell(worst, f"The AUC of the worst-served of the {groups_of(attribute)}")
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
    model, metric = data.models[0], data.gap_metric
    name = model_label(model)
    auc = data.get("auc", model=model)
    second = (
        f"Mean AUC is {with_interval(auc)}{_worst(data, model)}." if auc else "The table holds no mean AUC."
    )
    found = [(a, g) for a in data.attributes if (g := data.get(metric or "", model=model, attribute=a))]
    if metric is None or not found:
        first = "The table holds no gap between groups, so it says nothing about fairness."
        return Verdict(f"{name}: accuracy without a fairness audit", (first, second), (), "neutral")
    attribute, gap = found[0]
    first = f"Between {groups_of(attribute)} the {GAP_WORDS[metric]} of {name} is {_against_chance(gap)}."
    notes = [_widest(data, model, metric, a) for a, _ in found]
    notes += [
        f"Between {groups_of(a)} it is {_against_chance(g)}{'' if g.beyond_chance else ': not beyond chance'}."
        for a, g in found[1:]
    ]
    notes += [_one_sided(data, model), _undefined_note(data)]
    empty = metric != "auc_gap" and len(one_sided(data, model)) == len(data.findings) > 0
    return Verdict(
        f"{name}: a threshold that tells no images apart" if empty else _single_headline(name, found),
        (first, second),
        tuple(filter(None, notes)),
        "mixed" if empty or any(g.beyond_chance for _, g in found) else "neutral",
    )


def _against_chance(gap: Estimate) -> str:
    p = p_text(gap.evidence)
    adjusted = f"{p}, adjusted" if gap.p_adjusted == gap.p_adjusted else p
    return f"{with_interval(gap)}{_by_chance(gap)}{f' ({adjusted})' if p and gap.defined else ''}"


def _single_headline(name: str, found: list[tuple[str, Estimate]]) -> str:
    beyond = [groups_of(attribute) for attribute, gap in found if gap.beyond_chance]
    if beyond:
        return f"{name}: a gap between {listed(beyond)} beyond chance"
    told = [groups_of(attribute) for attribute, gap in found if gap.beyond_chance is not None]
    if len(told) < len(found):
        return f"{name}: the gap between {groups_of(found[0][0])}"
    return f"{name}: no gap between {listed(told)} beyond chance was found"


def _widest(data: ReportData, model: str, metric: str, attribute: str) -> str:
    """The finding with the largest gap, where it is beyond chance and there are others."""
    gaps = [(f, data.get(metric, model=model, finding=f, attribute=attribute)) for f in data.findings]
    known = [(f, gap) for f, gap in gaps if gap is not None and gap.beyond_chance]
    if not known or len(data.findings) < 2:
        return ""
    finding, gap = max(known, key=lambda item: item[1].value)
    return f"Between {groups_of(attribute)} it is widest for {finding}: {_against_chance(gap)}."


def _worst(data: ReportData, model: str) -> str:
    if not data.attributes:
        return ""
    attribute = data.attributes[0]
    groups = [group for group in data.groups(attribute) if group != UNKNOWN]
    found = [(g, data.get("auc", model=model, attribute=attribute, group=g)) for g in groups]
    known = [(g, e) for g, e in found if e is not None and e.defined]
    if len(known) < 2:
        return ""
    group, least = min(known, key=lambda item: item[1].value)
    return f"; of the {groups_of(attribute)}, {group} is served worst, at {with_interval(least)}"
