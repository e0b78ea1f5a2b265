"""Repeated runs in one table: a figure's mean and spread over seeds, and its paired difference to a baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from adfair.auditing.reasons import joined
from adfair.errors import ConfigError
from adfair.metrics.repeats import Difference, mean_sd, paired_difference

SUMMARY_COLUMNS = (
    "cohort",
    "arm",
    "test_set",
    "metric",
    "attribute",
    "n",
    "mean",
    "sd",
    "baseline",
    "difference",
    "ci_low",
    "ci_high",
    "note",
)
_NO_DIFFERENCE = Difference(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Figure:
    """One column of a table of arms: a metric over everyone or over all groups of an attribute."""

    test_set: str
    metric: str
    attribute: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.test_set, self.metric, self.attribute)))


def parse_figure(text: str) -> Figure:
    """``TESTSET:METRIC[:ATTRIBUTE]``, for example ``test:es_auc:race``. Raises ConfigError."""
    parts = text.split(":")
    if not 2 <= len(parts) <= 3 or not all(parts):
        raise ConfigError(f"figure '{text}': write TESTSET:METRIC[:ATTRIBUTE], for example test:es_auc:race")
    return Figure(*parts)


@dataclass(frozen=True)
class Repeats:
    """The metrics of many runs.

    Attributes:
        metrics: the columns of ``metrics.csv`` as text with ``cohort, arm, seed, test_set`` in front.
        cohorts, arms, seeds: what was to be run, in the order of the tables.
        failures: (cohort, arm, seed) -> why that run has no metrics.
    """

    metrics: pd.DataFrame
    cohorts: Sequence[str]
    arms: Sequence[str]
    seeds: Sequence[int]
    failures: Mapping[tuple[str, str, int], str]


def summarise(
    repeats: Repeats, *, figures: Sequence[Figure], baseline: str, level: float = 0.95
) -> pd.DataFrame:
    """One row a cohort, arm and figure, columns ``SUMMARY_COLUMNS``.

    ``sd`` is the sample deviation over seeds. ``difference`` is arm minus baseline over the same seeds with a
    paired t interval: with one seed there is neither sd nor interval, and ``note`` says so. A figure that any
    seed lacks is undefined, with the seed and the reason in ``note``: the mean of the others would flatter it.
    """
    found = _values(repeats.metrics)
    rows = []
    for cohort in repeats.cohorts:
        columns = {
            (arm, figure): _column(repeats, found, cohort, arm, figure)
            for arm in repeats.arms
            for figure in figures
        }
        for (arm, figure), column in columns.items():
            against = None if arm == baseline else columns[baseline, figure]
            row = {
                "cohort": cohort,
                "arm": arm,
                **vars(figure),
                "n": len(repeats.seeds),
                "baseline": baseline,
            }
            rows.append(row | _summary(column, against, baseline, level))
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


@dataclass(frozen=True)
class _Column:
    values: np.ndarray
    note: str


_Key = tuple[str, str, str, str, str, str]


def over_everyone(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of figures over everyone or all groups, mean over findings where there are findings; cells as text."""
    everyone = metrics["finding"].isin(["mean", ""]) & (metrics["group"] == "") & (metrics["stratum"] == "")
    return metrics[everyone]


def _values(metrics: pd.DataFrame) -> dict[_Key, tuple[float, str]]:
    rows = over_everyone(metrics)
    keys = rows[["cohort", "arm", "seed", "test_set", "metric", "attribute"]].itertuples(
        index=False, name=None
    )
    values = (float(text) if text else float("nan") for text in rows["value"])
    return dict(zip(keys, zip(values, rows["note"], strict=True), strict=True))


def _column(
    repeats: Repeats, found: Mapping[_Key, tuple[float, str]], cohort: str, arm: str, figure: Figure
) -> _Column:
    values, reasons = [], {}
    for seed in repeats.seeds:
        key = (cohort, arm, str(seed), figure.test_set, figure.metric, figure.attribute)
        value, note = found.get(key, (float("nan"), f"not in the metrics of {figure.test_set}"))
        if not np.isfinite(value):
            reasons[seed] = repeats.failures.get((cohort, arm, seed), note).removeprefix("undefined: ")
        values.append(value)
    return _Column(np.array(values), _reason(reasons, len(repeats.seeds)))


def _reason(reasons: Mapping[int, str], seeds: int) -> str:
    if not reasons:
        return ""
    if len(reasons) == seeds and len({*reasons.values()}) == 1:
        return f"undefined: {next(iter(reasons.values())) or 'no reason recorded'}"
    return "undefined: " + "; ".join(f"seed {s}: {r or 'no reason recorded'}" for s, r in reasons.items())


def _summary(own: _Column, base: _Column | None, baseline: str, level: float) -> dict[str, object]:
    mean, sd = mean_sd(own.values)
    difference, notes = _NO_DIFFERENCE, [own.note]
    if len(own.values) == 1 and not own.note:
        notes.append("one seed: no sd and no interval")
    if base is not None:
        difference = paired_difference(own.values, base.values, level=level)
        notes.append(f"no difference: {baseline} is undefined" if base.note and not own.note else "")
    named = {"difference": difference.value, "ci_low": difference.low, "ci_high": difference.high}
    return {"mean": mean, "sd": sd, **named, "note": joined(*notes)}
