"""How the figures of a model change from one cohort to another, its thresholds staying as they are."""

from dataclasses import replace

import numpy as np
import pandas as pd

from adfair.auditing.attributes import Attribute
from adfair.auditing.differences import base_differences, gap_differences
from adfair.auditing.measure import measure
from adfair.auditing.pairing import align
from adfair.auditing.predictions import Predictions
from adfair.auditing.settings import Settings
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
    the larger are its gaps by chance, which ``judge_biased`` allows for.

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
    changed = base_differences(a, b, settings, paired=paired, tested=False)
    rows = [*changed, *gap_differences(a, b, settings)]
    frame = pd.DataFrame(rows).rename(columns={"value_a": "in_domain", "value_b": "out_of_domain"})
    family = [frame["metric"], frame["finding"] == "mean"]
    frame["p_adjusted"] = (
        frame["p_value"].groupby(family).transform(lambda p: adjust(p.to_numpy(), method=settings.adjustment))
    )
    return frame[list(COLUMNS)], tuple(notes)


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
