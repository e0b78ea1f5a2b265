"""How the figures of a model change from one cohort to another, its thresholds staying as they are."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from adfair.auditing.attributes import Attribute
from adfair.auditing.comparison import Judge, difference_rows, gap_differences, percentiles
from adfair.auditing.gap_rows import gap_rows
from adfair.auditing.measure import Measured, measure
from adfair.auditing.pairing import align
from adfair.auditing.predictions import Predictions
from adfair.auditing.rows import EMITTED
from adfair.auditing.settings import Settings
from adfair.auditing.statistics import INDEX
from adfair.auditing.suppression import SUPPRESSED
from adfair.errors import DataError
from adfair.metrics.multiplicity import adjust

COLUMNS = (
    *("metric", "finding", "attribute", "group", "in_domain", "out_of_domain"),
    *("difference", "ci_low", "ci_high", "p_value", "p_adjusted", "note"),
)


def domain_change(
    inside: Predictions,
    outside: Predictions,
    thresholds: np.ndarray,
    settings: Settings,
    *,
    paired: bool = False,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Out of domain less in domain, for every metric, group and gap.

    Only groups that both cohorts have enter, so that a gap is between the same groups on both sides. The smaller a cohort
    the larger are its gaps by chance. By how much, lies between nothing, where groups are far apart, and the gap that
    identical groups would show; intervals and p-values of the change of a gap hold for both (our choice).

    Args:
        inside, outside: predictions of one model on both cohorts, the same findings in the same order.
        thresholds: [F], for both.
        paired: both tables hold the same images of the same patients (another scanner's rendering, say), which are then
            resampled together; else each cohort's patients are drawn by themselves and the intervals are those of a
            difference of two samples.

    Returns:
        Columns :data:`COLUMNS`, and notes on what was left out.

    Raises:
        DataError: the findings differ; with ``paired`` also what ``align`` refuses.
    """
    if inside.findings != outside.findings:
        raise DataError(f"{inside.source} and {outside.source}: the findings differ")
    one, two, notes = _same_groups(inside, outside)
    if paired:
        one, two = align(one, two)
    other = settings if paired else replace(settings, seed=settings.seed + 1)
    a, b = measure(one, thresholds, settings), measure(two, thresholds, other)
    judge_of = None if paired else _judges(a, b, settings)
    rows = [*_base(a, b, settings), *gap_differences(a, b, settings, judge_of)]
    frame = pd.DataFrame(rows).rename(columns={"value_a": "in_domain", "value_b": "out_of_domain"})
    family = [frame["metric"], frame["finding"] == "mean"]
    frame["p_adjusted"] = (
        frame["p_value"].groupby(family).transform(lambda p: adjust(p.to_numpy(), method=settings.adjustment))
    )
    return frame[list(COLUMNS)], tuple(notes)


def _judges(a: Measured, b: Measured, settings: Settings) -> Callable[[str, str], Judge]:
    """How changes of gaps between two samples of different sizes are judged, by gap and attribute."""
    names = [*a.predictions.findings, "mean"]
    chance = [
        {
            (row["metric"], row["attribute"], row["finding"]): row["expected_by_chance"]
            for row in gap_rows(side)
        }
        for side in (a, b)
    ]

    def judge_of(gap: str, attribute: str) -> Judge:
        levels = [
            np.array([of.get((gap, attribute, name), np.nan) for name in names], dtype=float) for of in chance
        ]
        return _judge(np.nan_to_num(levels[1] - levels[0]), settings)

    return judge_of


def _judge(chance: np.ndarray, settings: Settings) -> Judge:
    """Replicates centred on the change, and on the change less ``chance`` [F + 1]: whatever either of them allows."""

    def judge(change: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        with np.errstate(all="ignore"):
            count = np.isfinite(change[1:]).sum(axis=0)
            mean = np.where(count > 0, np.nansum(change[1:], axis=0) / np.maximum(count, 1), np.nan)
        centred = change[1:] - (mean - change[0])
        found = [percentiles(each, settings) for each in (centred, centred - chance)]
        low, high, p = (np.stack(parts) for parts in zip(*found, strict=True))
        return low.min(axis=0), high.max(axis=0), p.max(axis=0)

    return judge


def _base(a: Measured, b: Measured, settings: Settings) -> list[dict[str, Any]]:
    out = []
    for c, cell in enumerate(a.cells):
        for metric in EMITTED:
            k = INDEX[metric]
            place = {"metric": metric, "attribute": cell.attribute, "group": cell.group}
            out += difference_rows(place, a.values[:, :, c, k], b.values[:, :, c, k], a, settings, None)
    return out


def _same_groups(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions, list[str]]:
    """Both with the attributes and groups that they share; rows of other groups count for everyone only."""
    theirs = {attribute.name: attribute for attribute in b.attributes}
    lonely = sorted({x.name for x in a.attributes} ^ theirs.keys())
    notes = [f"attribute {name} is in one cohort only" for name in lonely]
    one, two = [], []
    for attribute in a.attributes:
        if attribute.name not in theirs:
            continue
        other = theirs[attribute.name]
        shared = tuple(group for group in attribute.groups if group in other.groups)
        alone = sorted({*attribute.groups, *other.groups} - {*shared})
        if alone:
            notes.append(f"{attribute.name}: {', '.join(alone)} in one cohort only, left out of its gaps")
        one.append(_only(attribute, shared))
        two.append(_only(other, shared))
    return replace(a, attributes=tuple(one)), replace(b, attributes=tuple(two)), notes


def _only(attribute: Attribute, groups: tuple[str, ...]) -> Attribute:
    # Everyone else leaves the groups' figures, and makes no unknown group: it would not be the same in both cohorts.
    recode = np.full(len(attribute.groups) + 1, SUPPRESSED, dtype=np.int16)
    for k, group in enumerate(groups):
        recode[attribute.groups.index(group)] = k
    return Attribute(attribute.name, groups, recode[attribute.codes])
