"""``audit``: a predictions table in, every fairness figure with its uncertainty out."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd

from adfair.auditing.aggregation import Level, Pooling, aggregate_images
from adfair.auditing.attributes import Attribute, crossed
from adfair.auditing.cells import SortedRows
from adfair.auditing.cutoffs import Cutoffs, resolve
from adfair.auditing.formats import load_predictions
from adfair.auditing.gap_rows import gap_rows
from adfair.auditing.measure import Measured, fewest_patients, measure
from adfair.auditing.predictions import Predictions
from adfair.auditing.result import Audit
from adfair.auditing.rows import COLUMNS, FIGURES, Row, base_rows, row, wanted
from adfair.auditing.settings import Options, Settings
from adfair.auditing.signed_rows import signed_rows
from adfair.auditing.suppression import SUPPRESSED, drop_small_groups, suppress_counts, suppress_curves
from adfair.errors import DataError
from adfair.metrics.multiplicity import Adjustment, adjust

_PERSONAL = re.compile(r"sex|gender|race|ethni", re.IGNORECASE)
_WITHIN_STRATA = frozenset({"auc", "es_auc", "auc_gap", "worst_group_auc", "auc_difference"})


def audit(
    table: pd.DataFrame | Path | str,
    *,
    attributes: Sequence[str] | None = None,
    threshold: str | float | None = None,
    validation: pd.DataFrame | Path | str | None = None,
    in_sample: bool = False,
    intersections: bool = False,
    strata: Sequence[str] = (),
    bins: Mapping[str, Sequence[float]] | None = None,
    aggregate: Pooling | None = None,
    aggregate_to: Level = "patient",
    **options: Unpack[Options],
) -> Audit:
    """Audit labels and scores for fairness between the groups of each sensitive attribute.

    Args:
        table: predictions, see :func:`adfair.auditing.formats.load_predictions` for the accepted shapes.
        attributes: columns to audit; those that look like attributes when absent.
        threshold: a number, ``youden``, ``f1``, ``sensitivity=.9``, ``specificity=.9`` or a CSV with columns
            finding and threshold. Without it: youden when ``validation`` is given, else 0.5 for
            probabilities.
        validation: predictions on which a threshold rule looks at labels.
        in_sample: let the rule look at the evaluated labels instead; every output then says so.
        intersections: also audit pairs of attributes, ``race*sex``.
        strata: columns within whose values AUCs and their gaps are also given, ``view`` for example.
        bins: edges for numeric attributes, which are audited too.
        aggregate: pool images to ``aggregate_to`` by max or mean first.
        options: level, replicates, interval, seed, ...: see :class:`adfair.auditing.settings.Settings`.

    Returns:
        An :class:`Audit` whose ``table`` has one row a figure; an undefined figure is NaN with its reason.

    Raises:
        DataError: the table cannot be used as it is. ConfigError: an option is out of range or contradictory.
    """
    settings = Settings(**options)
    if attributes is not None:
        attributes = list(dict.fromkeys([*attributes, *(bins or {})]))

    how: dict[str, Any] = {"bins": bins, "pooling": aggregate, "level": aggregate_to, "settings": settings}
    predictions = _prepared(table, attributes, strata, **how)
    cutoffs = resolve(
        predictions,
        rule=threshold,
        validation=None if validation is None else lambda: _prepared(validation, (), (), **how),
        in_sample=in_sample,
    )
    return audit_predictions(predictions, cutoffs, settings, intersections=intersections)


def _prepared(
    source: pd.DataFrame | Path | str,
    attributes: Sequence[str] | None,
    strata: Sequence[str],
    *,
    bins: Mapping[str, Sequence[float]] | None,
    pooling: Pooling | None,
    level: Level,
    settings: Settings,
) -> Predictions:
    """The table, pooled first if asked for, with a note on the units whose images disagree."""
    if not pooling:
        return load_predictions(source, attributes=attributes, strata=strata, bins=bins)
    different: dict[str, int] = {}
    notes: list[str] = []
    pooled = aggregate_images(
        source, pooling=pooling, level=level, bins=bins, disagreed=different, notes=notes
    )
    loaded = load_predictions(pooled, attributes=attributes, strata=strata, bins=bins)
    notes += [note.replace("image-findings", f"{level}-findings") for note in loaded.notes]
    units = "studies" if level == "study" else "patients"
    for name in (a.name for a in (*loaded.attributes, *loaded.strata) if a.name in different):
        notes.append(
            f"{settings.told(different[name])} {units} have images that differ in '{name}': unknown there"
        )
    return replace(loaded, notes=tuple(notes))


def audit_predictions(
    predictions: Predictions,
    cutoffs: Cutoffs,
    settings: Settings,
    *,
    intersections: bool = False,
    only: frozenset[str] = frozenset(),
) -> Audit:
    """Audit a table that is already in memory, with thresholds already chosen; only these metrics if named."""
    if not (predictions.labels >= 0).any():
        raise DataError(f"{predictions.source}: no row has a label of 0 or 1")
    notes = [*predictions.notes, *_of_two_groups(predictions, settings), *cutoffs.doubts(predictions)]
    if intersections:
        pairs = [crossed(a, b) for a, b in combinations(predictions.attributes, 2)]
        taken = {a.name for a in predictions.attributes} & {pair.name for pair in pairs}
        if taken:
            raise DataError(
                f"{predictions.source}: column '{taken.pop()}' is named like an intersection; rename it"
            )
        predictions = replace(predictions, attributes=(*predictions.attributes, *pairs))
    if settings.suppress_small:
        predictions = drop_small_groups(predictions, settings.min_group, notes)
    measured = measure(predictions, cutoffs.values, settings)
    rows = _threshold_rows(measured, cutoffs) if wanted("threshold", only) else []
    rows += base_rows(measured, cutoffs.note, only=only)
    rows += [*gap_rows(measured, cutoffs.note, only=only), *signed_rows(measured, cutoffs.note, only=only)]
    within, hidden = _stratum_rows(predictions, cutoffs, settings, notes)
    rows += within
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(FIGURES, float))
    frame["p_adjusted"] = _adjusted(frame, settings.adjustment)
    curves = _calibration(measured)
    if settings.suppress_small:
        dropped = [a.name for a in predictions.attributes if (a.codes == SUPPRESSED).any()]
        fewest = np.array([r.get("fewest", np.inf) for r in rows])
        frame = suppress_counts(frame, settings.min_group, fewest=fewest, dropped=dropped, strata=hidden)
        curves = suppress_curves(curves, settings.min_group, frame)
    if cutoffs.note:
        notes.append(cutoffs.note)
    facts, shown = _facts(predictions, cutoffs, settings), curves.drop(columns="fewest")
    return Audit(frame, settings, tuple(notes), facts, shown)


def _of_two_groups(predictions: Predictions, settings: Settings) -> list[str]:
    """A note for each of the attributes that belong to a person and differ between one patient's images."""
    found = []
    for attribute in predictions.attributes:
        if not _PERSONAL.search(attribute.name):
            continue
        known = attribute.codes >= 0
        pairs = np.unique(np.stack([predictions.patient[known], attribute.codes[known]]), axis=1)
        several = int((np.bincount(pairs[0]) > 1).sum())
        if several:
            have = (
                "1 patient has"
                if settings.told(several) == "1"
                else f"{settings.told(several)} patients have"
            )
            what = f"images in several groups of '{attribute.name}'; each image counts where it is"
            found.append(f"{have} {what}")
    return found


def _threshold_rows(measured: Measured, cutoffs: Cutoffs) -> list[Row]:
    out = []
    for f, name in enumerate(measured.predictions.findings):
        rows, value = measured.rows[f][0], cutoffs.values[f]
        note = f"rule {cutoffs.rule}, {cutoffs.origin}"
        if np.isnan(value):
            note = f"undefined: {_no_threshold(rows, cutoffs)}"
        counts = {"n": rows.size, "n_positive": rows.positives, "fewest": measured.fewest(f, 0)}
        out.append(row("threshold", name, figures={"value": value, **counts}, note=note))
    return out


def _no_threshold(rows: SortedRows, cutoffs: Cutoffs) -> str:
    if cutoffs.origin == "default":
        return "scores are not probabilities; choose a rule on a validation table (--validation FILE)"
    if cutoffs.origin == "given":
        return f"undefined in {Path(cutoffs.rule).name} too"
    return f"rule {cutoffs.rule} needs a class that the {cutoffs.origin} rows lack"


def _stratum_rows(
    predictions: Predictions, cutoffs: Cutoffs, settings: Settings, notes: list[str]
) -> tuple[list[Row], set[str]]:
    """Rows within each stratum; and the columns of strata of which somebody was taken out for being few."""
    out, hidden = [], set()
    for stratum in predictions.strata:
        nowhere = int((stratum.codes < 0).sum())
        if nowhere:
            notes.append(f"{stratum.name}: {settings.told(nowhere)} images without a value are in no stratum")
        for code, name in enumerate(stratum.groups):
            part = replace(predictions.take(stratum.codes == code), strata=())
            if settings.suppress_small:
                said: list[str] = []
                if part.patients < settings.min_group:
                    said.append(f"suppressed, fewer than {settings.min_group} patients")
                else:
                    part = drop_small_groups(part, settings.min_group, said)
                if said:
                    hidden.add(stratum.name)
                    notes += [f"{stratum.name} {name}: {each}" for each in said]
                if part.patients < settings.min_group:
                    continue
            measured = measure(part, cutoffs.values, settings)
            rows = [*base_rows(measured), *gap_rows(measured), *signed_rows(measured)]
            kept = [r for r in rows if r["metric"] in _WITHIN_STRATA]
            out += [{**r, "stratum": f"{stratum.name}={name}"} for r in kept]
    return out, hidden


def _adjusted(frame: pd.DataFrame, method: Adjustment) -> pd.Series:
    """Adjust within each metric and stratum over findings x attributes; means are a family of their own."""
    family = [frame["metric"], frame["stratum"], frame["finding"] == "mean"]
    return frame["p_value"].groupby(family).transform(lambda p: adjust(p.to_numpy(), method=method))


def _facts(predictions: Predictions, cutoffs: Cutoffs, settings: Settings) -> dict[str, Any]:
    return {
        "source": Path(predictions.source).name,
        "images": predictions.images,
        "patients": predictions.patients,
        "findings": list(predictions.findings),
        "attributes": {a.name: list(a.groups) for a in predictions.attributes},
        "unknown": {a.name: _shown_unknown(a, predictions, settings) for a in predictions.attributes},
        "threshold_rule": cutoffs.rule,
        "threshold_origin": cutoffs.origin,
        "thresholds": {
            name: None if np.isnan(value) else float(value)
            for name, value in zip(predictions.findings, cutoffs.values, strict=True)
        },
    }


def _shown_unknown(attribute: Attribute, predictions: Predictions, settings: Settings) -> int | None:
    """Images of unknown group; None where the number would give a small or suppressed group away."""
    unknown = attribute.codes == -1
    patients = len(np.unique(predictions.patient[unknown]))
    hide = 0 < patients < settings.min_group or bool((attribute.codes == SUPPRESSED).any())
    return None if settings.suppress_small and hide else int(unknown.sum())


def _calibration(measured: Measured) -> pd.DataFrame:
    """Reliability points of every finding and cell, from the bins of the expected calibration error.

    ``fewest``: the smallest number of patients, not 0, in, with or without the finding in the bin; 0 where nobody asks.
    """
    points, asked = [], measured.settings.suppress_small
    for f, finding in enumerate(measured.predictions.findings):
        for c, cell in enumerate(measured.cells):
            rows = measured.rows[f][c]
            if rows.bounds is None or not rows.size:
                continue
            for low, high in zip(rows.bounds[:-1], rows.bounds[1:], strict=True):
                if high > low:
                    part = slice(low, high)
                    means = float(rows.score[part].mean()), float(rows.label[part].mean())
                    fewest = fewest_patients(rows.unit[part], rows.label[part]) if asked else 0
                    points.append((finding, cell.attribute, cell.group, int(high - low), *means, fewest))
    columns = ["finding", "attribute", "group", "n", "mean_score", "share_positive", "fewest"]
    return pd.DataFrame(points, columns=columns)
