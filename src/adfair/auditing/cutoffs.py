"""Which threshold each finding gets, from where, and what every output must say about it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.auditing.predictions import Predictions
from adfair.auditing.reading import numbers, read_table
from adfair.errors import ConfigError, DataError
from adfair.metrics.calibration import is_probability
from adfair.metrics.thresholds import choose_threshold, parse_rule

IN_SAMPLE = "threshold chosen on the evaluated rows (in-sample): rates are optimistic"


@dataclass(frozen=True)
class Cutoffs:
    """``values`` [F], NaN for none; ``rule`` as asked; ``origin``: given, validation or in-sample.

    ``shared``: audited images that the validation table held too.
    """

    values: np.ndarray
    rule: str
    origin: str
    shared: int = 0

    @property
    def note(self) -> str:
        """What rows that depend on a threshold must say; empty unless it was chosen in-sample."""
        return IN_SAMPLE if self.origin == "in-sample" else ""

    def doubts(self, predictions: Predictions) -> list[str]:
        """Findings whose scores the threshold does not fit: all on one side of it, or on another scale."""
        one_side, scale = [], []
        for name, scores, value in zip(
            predictions.findings, _labelled(predictions), self.values, strict=True
        ):
            if np.isnan(value) or not len(scores):
                continue
            if (scores >= value).all() or (scores < value).all():
                one_side.append(name)
            elif self.origin == "given" and 0 < value <= 1 < scores.max() and scores.min() >= 0:
                scale.append(name)
        said = {
            "all images are on one side of the threshold: rates there, and gaps between them, say nothing": one_side,
            "the threshold lies between 0 and 1 and the scores go beyond 1: are they on one scale?": scale,
        }
        doubts = [f"{what} ({', '.join(names)})" for what, names in said.items() if names]
        if self.origin == "validation" and self.shared:
            doubts.append(
                f"{self.shared} of the audited images are in the validation table too: their labels chose the thresholds"
            )
        return doubts


def _labelled(predictions: Predictions) -> list[np.ndarray]:
    """Scores of the labelled images of each finding."""
    return [predictions.scores[predictions.labels[:, f] >= 0, f] for f in range(len(predictions.findings))]


def resolve(
    predictions: Predictions,
    *,
    rule: str | float | None,
    validation: Callable[[], Predictions] | None,
    in_sample: bool,
) -> Cutoffs:
    """The threshold of every finding.

    Without a rule: ``youden`` where there is a validation table, else 0.5 where scores are probabilities,
    else none (our choice). A validation table that holds every audited image counts as in-sample.

    Raises:
        ConfigError: a rule must look at labels, and neither a validation table nor ``in_sample`` was given.
        DataError: the validation table or the threshold file lacks a finding.
    """
    names = predictions.findings
    if in_sample and validation is not None:
        raise ConfigError("a validation table and in-sample thresholds exclude each other: give one of them")
    if isinstance(rule, str) and rule.lower().endswith(".csv"):
        return Cutoffs(_from_file(Path(rule), names), rule, "given")
    if rule is None and validation is None and not in_sample:
        return _half(predictions)
    chosen = "youden" if rule is None else str(rule)
    kind, number = parse_rule(chosen)
    if kind == "number" and validation is not None:
        raise ConfigError(f"threshold {chosen} needs no validation table: leave one of them out")
    if kind == "number":
        return Cutoffs(np.full(len(names), number), chosen, "given")
    if validation is None and not in_sample:
        raise ConfigError(
            f"threshold rule '{chosen}' needs labels that are not evaluated: give a validation table "
            "(--validation FILE), or say --in-sample to choose on the evaluated rows"
        )
    table = predictions if validation is None else validation()
    values = [_choose(table, name, chosen) for name in names]
    shared = predictions.images if table is predictions else _shared(predictions, table)
    # A validation table that holds everything that is audited is no validation table.
    origin = "in-sample" if shared == predictions.images else "validation"
    return Cutoffs(np.array(values), chosen, origin, shared)


def _shared(audited: Predictions, validation: Predictions) -> int:
    """Audited images that the validation table has with the same scores: ids alone may be row numbers of two tables."""
    names = [name for name in audited.findings if name in validation.findings]
    place = pd.Index(validation.image.astype(str)).drop_duplicates().get_indexer(audited.image.astype(str))
    first = ~pd.Index(validation.image.astype(str)).duplicated()
    one = audited.scores[:, [audited.findings.index(name) for name in names]]
    two = validation.scores[first][:, [validation.findings.index(name) for name in names]][place]
    both = np.isfinite(one) & np.isfinite(two)
    return int(((place >= 0) & both.any(axis=1) & ((one == two) | ~both).all(axis=1)).sum())


def _half(predictions: Predictions) -> Cutoffs:
    values = [0.5 if is_probability(scores) else np.nan for scores in _labelled(predictions)]
    return Cutoffs(np.array(values), "0.5", "default")


def _choose(table: Predictions, finding: str, rule: str) -> float:
    if finding not in table.findings:
        raise DataError(
            f"{table.source}: no rows for finding '{finding}'. A threshold is chosen on each finding"
        )
    f = table.findings.index(finding)
    rows = table.labels[:, f] >= 0
    return choose_threshold(table.labels[rows, f], table.scores[rows, f], rule=rule)


def chosen_in_sample(audited: Path) -> bool:
    """Whether the thresholds in an audit's metrics.csv were chosen on the rows of that audit."""
    frame = read_table(audited)
    return bool(
        frame["note"][frame["metric"] == "threshold"].astype("string").str.endswith(", in-sample").any()
    )


def _from_file(path: Path, findings: tuple[str, ...]) -> np.ndarray:
    """Thresholds from columns finding and threshold, or from the threshold rows of an audit's metrics.csv.

    An audit's may be undefined.
    """
    frame = read_table(path)
    if audited := {"metric", "finding", "value"} <= set(frame.columns):
        frame = frame[frame["metric"] == "threshold"].rename(columns={"value": "threshold"})
    for name in ("finding", "threshold"):
        if name not in frame.columns:
            raise DataError.at("no such column", file=path, column=name, remedy="Expected finding, threshold")
    values = dict(zip(frame["finding"], numbers(frame["threshold"], source=str(path)), strict=True))
    if not audited and not np.isfinite([values[name] for name in findings if name in values]).all():
        raise DataError.at(
            "not a finite number", file=path, column="threshold", remedy="Fill in every threshold"
        )
    if len(values) < len(frame):
        raise DataError.at("a finding has two thresholds", file=path, column="finding", remedy="Keep one")
    missing = [name for name in findings if name not in values]
    if missing:
        raise DataError(f"{path}: no threshold for finding '{missing[0]}'")
    return np.array([values[name] for name in findings])
