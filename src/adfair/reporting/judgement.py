"""What a verdict is made of, for one model or for a pair."""

from dataclasses import dataclass
from typing import Literal

from adfair.reporting.data import GAPS, Estimate, ReportData, model_label
from adfair.reporting.text import (
    few,
    groups_of,
    left_out,
    listed,
    metric_words,
    number,
    p_text,
    with_interval,
)

# What the group and gap sections print; undefined values elsewhere are not on the page.
SHOWN = ("auc", "tpr", "fpr", *GAPS)
Tone = Literal["good", "mixed", "bad", "neutral"]


@dataclass(frozen=True)
class Verdict:
    """A headline, exactly two sentences, and what a reader must not overlook."""

    headline: str
    sentences: tuple[str, str]
    watch: tuple[str, ...]
    tone: Tone


def by_chance(gap: Estimate) -> str:
    """``, against .044 expected by chance``; nothing where the table does not say."""
    return f", against {number(gap.chance)} expected by chance" if gap.chance == gap.chance else ""


def against_chance(gap: Estimate) -> str:
    """A gap with its interval, the level of chance, its p-value and the groups that it leaves out."""
    if not gap.defined:
        return with_interval(gap)
    p = p_text(gap.evidence)
    if p and gap.floored:
        p += ", the least that so few permutations can give"
    elif p and gap.p_adjusted == gap.p_adjusted and gap.p_adjusted != gap.p_value:
        p += ", adjusted"
    return f"{with_interval(gap)}{by_chance(gap)}{f' ({p})' if p else ''}{left_out(gap)}{few(gap)}"


def one_sided(data: ReportData, model: str) -> list[str]:
    """Findings that a model calls in every image, or in none, so that rates cannot differ between groups."""
    return [finding for finding, share in _called(data, model).items() if share in (0.0, 1.0)]


def blind(data: ReportData, model: str) -> bool:
    """Whether that is so for every finding that has a threshold."""
    return 0 < len(one_sided(data, model)) == len(_called(data, model))


def _called(data: ReportData, model: str) -> dict[str, float]:
    shares = {f: data.get("selection_rate", model=model, finding=f) for f in data.findings}
    return {f: share.value for f, share in shares.items() if share is not None and share.defined}


def one_sided_note(data: ReportData, model: str) -> str:
    """A warning of them; empty without any."""
    found = one_sided(data, model)
    if not found:
        return ""
    which = "every finding" if blind(data, model) else listed(found)
    return (
        f"At its threshold {model_label(model)} has all images on one side for {which}: "
        "rates there, and the gaps between them, say nothing."
    )


def widest(data: ReportData, model: str, attribute: str) -> str:
    """The finding with the largest gap, where it is beyond chance and there are others."""
    metric = data.gap_metric or ""
    gaps = [(f, data.get(metric, model=model, finding=f, attribute=attribute)) for f in data.findings]
    known = [(f, gap) for f, gap in gaps if gap is not None and gap.beyond_chance]
    if not known or len(data.findings) < 2:
        return ""
    finding, gap = max(known, key=lambda item: item[1].value)
    return f"Between {groups_of(attribute)} it is widest for {finding}: {against_chance(gap)}."


def other_gaps(data: ReportData, model: str) -> list[str]:
    """Gaps beyond chance that the page's own gap between single attributes does not show.

    Those of AUC; between intersections; and of the share called where a group is left out of the page's gap.
    """
    notes = []
    for attribute in (*data.attributes, *data.intersections):
        single = attribute in data.attributes
        lead = data.get(data.gap_metric or "", model=model, attribute=attribute)
        metrics = [] if single else [data.gap_metric or ""]
        metrics += ["auc_gap"] if single and data.gap_metric != "auc_gap" else []
        metrics += ["demographic_parity_difference"] if lead is not None and left_out(lead) else []
        for metric in dict.fromkeys(metrics):
            gap = data.get(metric, model=model, attribute=attribute)
            if gap is not None and gap.beyond_chance:
                words = metric_words(metric)
                notes.append(f"Between {groups_of(attribute)} the {words} is {against_chance(gap)}.")
    return notes


def undefined_note(data: ReportData) -> str:
    """How many values of what the page shows are undefined or withheld; empty where none is."""
    frame = data.metrics
    shown = frame["metric"].isin(SHOWN) & (frame["test_set"] == data.test_sets[0])
    missing = frame[shown & frame["value"].isna()]
    withheld = int(missing["note"].str.startswith("suppressed").sum())
    uncomputed = len(missing) - withheld
    said = (
        [f"{'1 value' if uncomputed == 1 else f'{uncomputed} values'} could not be computed"]
        if uncomputed
        else []
    )
    if withheld:
        held = "1 value was" if withheld == 1 else f"{withheld} values were"
        said.append(f"{held} withheld to protect few patients")
    return f"{listed(said)}; the tables give the reason in place of a number." if said else ""
