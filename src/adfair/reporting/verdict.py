"""The first screen: what the table says, in two sentences, whichever model it favours."""

from adfair.reporting.changes import Change, change
from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.judgement import (
    Tone,
    Verdict,
    by_chance,
    one_sided,
    one_sided_note,
    other_gaps,
    undefined_note,
)
from adfair.reporting.text import few, groups_of, listed, metric_words, number, undefined, with_interval
from adfair.reporting.verdict_single import single

GAP_HEADLINES = {
    -1: "a smaller gap between {}",
    0: "no clear change in the gap between {}",
    1: "a larger gap between {}",
}
AUC_HEADLINES = {1: "at higher accuracy", 0: "with no clear change of accuracy", -1: "at lower accuracy"}


def verdict(data: ReportData) -> Verdict:
    """Put the primary test set into words, for one model or for a pair."""
    return _compared(data, data.pair) if data.pair else single(data)


def _compared(data: ReportData, pair: tuple[str, str]) -> Verdict:
    metric = data.gap_metric
    gaps = {a: change(data, metric, attribute=a) if metric else None for a in data.attributes}
    lead = next(iter(gaps.values()), None)
    auc = change(data, "auc")
    # Where a threshold has all images on one side, a gap of rates is small whatever the model does.
    empty = metric != "auc_gap" and any(one_sided(data, model) for model in pair)
    rose = [a for a, gap in list(gaps.items())[1:] if gap is not None and gap.sign > 0 and not empty]
    return Verdict(
        headline=_headline(data, None if empty else lead, auc, rose, empty=empty),
        sentences=(_gap_sentence(data, metric, lead), _auc_sentence(data, auc)),
        watch=tuple(_watch(data, pair, metric, gaps)),
        tone=_tone(0 if empty or lead is None else lead.sign, auc.sign if auc else 0, worse=bool(rose)),
    )


def _headline(
    data: ReportData, gap: Change | None, auc: Change | None, rose: list[str], *, empty: bool
) -> str:
    parts = ["gaps that these thresholds cannot tell"] if empty else []
    parts += [GAP_HEADLINES[gap.sign].format(groups_of(data.attributes[0]))] if gap else []
    parts += [f"a larger one between {listed([groups_of(a) for a in rose])}"] if gap and rose else []
    parts += [AUC_HEADLINES[auc.sign]] if auc else []
    assert data.pair is not None
    return f"{model_label(data.pair[1])}: {', '.join(parts) or 'the table does not allow a comparison'}"


def _tone(gap: int, auc: int, *, worse: bool) -> Tone:
    if gap < 0:
        return "good" if auc >= 0 and not worse else "mixed"
    if gap > 0 or worse:
        return "mixed" if auc > 0 else "bad"
    return "bad" if auc < 0 else "neutral"


def _gap_sentence(data: ReportData, metric: str | None, gap: Change | None) -> str:
    if metric is None or not data.attributes:
        return "The table holds no gap between groups, so it says nothing about fairness."
    assert data.pair is not None
    before, after = data.pair
    attribute = data.attributes[0]
    if gap is None:
        reasons = _reasons(data, metric, attribute)
        return f"The {metric_words(metric)} between {groups_of(attribute)} cannot be compared ({reasons})."
    moved = gap.phrase(model_label(before), model_label(after))
    expected = _expected(gap.before, gap.after)
    return f"Between {groups_of(attribute)} the {metric_words(metric)} {moved}{expected}."


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


def _watch(
    data: ReportData, pair: tuple[str, str], metric: str | None, gaps: dict[str, Change | None]
) -> list[str]:
    notes = [_other_findings(data, pair)]
    for attribute, moved in gaps.items():
        worst = change(data, "worst_group_auc", attribute=attribute)
        notes.append(_remains(data, pair[1], metric, attribute))
        notes.append(_levelling(worst, attribute, closed=moved is not None and moved.direction == "fell"))
        if metric and attribute != data.attributes[0]:
            notes.append(_rose(moved, f"Between {groups_of(attribute)} the {metric_words(metric)}"))
    notes += [f"{model_label(pair[1])}: {note}" for note in other_gaps(data, pair[1])]
    for place in data.test_sets[1:]:
        notes.append(_fell(change(data, "auc", test_set=place), f"On {place} the mean AUC"))
    notes += [one_sided_note(data, model) for model in pair]
    return [note for note in [*notes, undefined_note(data)] if note]


def _other_findings(data: ReportData, pair: tuple[str, str]) -> str:
    """Whether the means of two models are over different findings."""
    held = [{f for f in data.findings if data.get("auc", model=m, finding=f) is not None} for m in pair]
    if held[0] == held[1]:
        return ""
    names = [
        f"{model_label(m)} has {listed(sorted(found)) or 'none'}" for m, found in zip(pair, held, strict=True)
    ]
    return (
        f"The means are over different findings ({'; '.join(names)}), so that their difference says little."
    )


def _remains(data: ReportData, model: str, metric: str | None, attribute: str) -> str:
    gap = data.get(metric or "", model=model, attribute=attribute)
    if gap is None or not gap.beyond_chance:
        return ""
    return f"A gap between {groups_of(attribute)} remains: {with_interval(gap)}{by_chance(gap)}{few(gap)}."


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
