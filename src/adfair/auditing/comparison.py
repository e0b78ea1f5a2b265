"""``compare``: paired differences of every metric and gap between models that scored the same images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd

from adfair.auditing.cutoffs import Cutoffs, resolve
from adfair.auditing.formats import load_predictions
from adfair.auditing.gaps import GAPS, gap_values, usable_groups
from adfair.auditing.judging import Judge, ece_noise, gap_noise, judge_biased, percentiles
from adfair.auditing.measure import Measured, measure
from adfair.auditing.pairing import align
from adfair.auditing.predictions import Predictions
from adfair.auditing.reasons import few_note, joined, mean_note, resample_note, small_groups, small_note
from adfair.auditing.rows import EMITTED, mean_over_findings
from adfair.auditing.settings import Options, Settings
from adfair.auditing.statistics import INDEX
from adfair.auditing.verdict import verdicts
from adfair.errors import ConfigError, DataError
from adfair.metrics.delong import auc_components, difference_variance
from adfair.metrics.intervals import normal_p_value
from adfair.metrics.multiplicity import adjust

COLUMNS = (
    "model_a",
    "model_b",
    "metric",
    "finding",
    "attribute",
    "group",
    "value_a",
    "value_b",
    "difference",
    "ci_low",
    "ci_high",
    "p_value",
    "p_adjusted",
    "p_delong",
    "note",
)


@dataclass(frozen=True)
class Comparison:
    """Paired differences: ``table`` (a row a figure), ``verdicts`` (a sentence an attribute), ``notes``."""

    table: pd.DataFrame
    verdicts: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def save(self, folder: Path | str) -> Path:
        """Write comparison.csv and comparison.md into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.table.to_csv(folder / "comparison.csv", index=False)
        lines = [
            "# Comparison",
            "",
            *(f"- {v}" for v in self.verdicts),
            "",
            *(f"Note: {n}." for n in self.notes),
        ]
        (folder / "comparison.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
        return folder


@dataclass(frozen=True)
class _Model:
    name: str
    predictions: Predictions
    cutoffs: Cutoffs


def compare(
    tables: Mapping[str, pd.DataFrame | Path | str] | Sequence[Path | str],
    *,
    attributes: Sequence[str] | None = None,
    threshold: str | float | None = None,
    validation: Mapping[str, pd.DataFrame | Path | str] | None = None,
    in_sample: bool = False,
    bins: Mapping[str, Sequence[float]] | None = None,
    **options: Unpack[Options],
) -> Comparison:
    """Compare two or more models on the same images by a paired bootstrap of patients.

    Args:
        tables: predictions by model name, or paths. A folder stands for its ``predictions.csv``; the
            thresholds in its ``metrics.csv`` are then used unless ``threshold`` says otherwise.
        threshold, validation, in_sample: as in :func:`adfair.auditing.audit`, for each model on its own
            scores; ``validation`` is by model name.
        attributes, bins: as in :func:`adfair.auditing.audit`.
        options: level, replicates, seed, ...: see :class:`adfair.auditing.settings.Settings`.

    Returns:
        A :class:`Comparison`; ``difference`` is model_b minus model_a. ``p_value`` inverts the percentile
        interval and ``p_delong`` is DeLong's paired test (Obuchowski's when patients have several rows) for
        AUCs.

    Raises:
        DataError: the tables do not describe the same images. ConfigError: fewer than two models.
    """
    settings = Settings(**options)
    sources = dict(tables) if isinstance(tables, Mapping) else named_tables(tables)
    if len(sources) < 2:
        raise ConfigError("compare needs at least two models")
    models: list[_Model] = []
    for name, source in sources.items():
        path, rule = _inside(source, threshold)
        if attributes is not None:
            attributes = list(dict.fromkeys([*attributes, *(bins or {})]))
        predictions = load_predictions(path, attributes=attributes, bins=bins)
        # All models are audited on the first one's attributes, also when those were only recognised.
        attributes = [a.name for a in predictions.attributes]
        chosen = (validation or {}).get(name)
        load = None if chosen is None else partial(load_predictions, chosen, attributes=())
        cutoffs = resolve(predictions, rule=rule, validation=load, in_sample=in_sample)
        models.append(_Model(name, predictions, cutoffs))
    parts, sentences, notes = [], [], []
    for a, b in combinations(models, 2):
        frame, said = _pair(a, b, settings)
        parts.append(frame)
        notes += [note for note in said if note not in notes]
        sentences += verdicts(frame, level=settings.level)
    table = pd.concat(parts, ignore_index=True)
    family = [table["metric"], table["finding"] == "mean"]
    table["p_adjusted"] = (
        table["p_value"].groupby(family).transform(lambda p: adjust(p.to_numpy(), method=settings.adjustment))
    )
    doubts = [f"{m.name}: {doubt}" for m in models for doubt in m.cutoffs.doubts(m.predictions)]
    return Comparison(table, tuple(sentences), (*_thresholds(models), *doubts, *notes))


def _thresholds(models: Sequence["_Model"]) -> list[str]:
    """Which thresholds the rates are at; one line where they are the same for all."""
    rules = {}
    for model in models:
        audited = model.cutoffs.rule.endswith("metrics.csv")
        rule = "those of its metrics.csv" if audited else f"{model.cutoffs.rule} ({model.cutoffs.origin})"
        rules[model.name] = rule
    if len(set(rules.values())) == 1:
        return [f"threshold of every model: {next(iter(rules.values()))}"]
    return [f"threshold of {name}: {rule}" for name, rule in rules.items()]


def named_tables(tables: Sequence[Path | str]) -> dict[str, Path | str]:
    """Model names for tables: the folder or file name, the whole path where names repeat."""
    names = [Path(t).name if Path(t).is_dir() else Path(t).stem for t in tables]
    if len(set(names)) < len(names):
        names = [str(t) for t in tables]
    if len(set(names)) < len(names):
        raise ConfigError("compare was given the same table twice")
    return dict(zip(names, tables, strict=True))


def _inside(source: Any, threshold: str | float | None) -> tuple[Any, str | float | None]:
    """A folder's predictions table, and its audited thresholds where no rule was asked for."""
    if not isinstance(source, (str, Path)) or not Path(source).is_dir():
        return source, threshold
    table = Path(source) / "predictions.csv"
    if not table.is_file():
        raise DataError(f"{source}: no predictions.csv in this folder")
    audited = Path(source) / "metrics.csv"
    return table, str(audited) if threshold is None and audited.is_file() else threshold


def _pair(a: _Model, b: _Model, settings: Settings) -> tuple[pd.DataFrame, tuple[str, ...]]:
    one, two = align(a.predictions, b.predictions)
    # The same seed draws the same patients for both models: that is what pairs the bootstrap.
    first, second = (
        measure(predictions, model.cutoffs.values[_places(model, predictions)], settings)
        for model, predictions in ((a, one), (b, two))
    )
    rows = [
        *base_differences(first, second, settings, delong=True),
        *gap_differences(first, second, settings),
    ]
    frame = pd.DataFrame(rows)
    frame["model_a"], frame["model_b"], frame["p_adjusted"] = a.name, b.name, np.nan
    notes = [*one.notes, *(f"{m.name}: {m.cutoffs.note}" for m in (a, b) if m.cutoffs.note)]
    return frame[list(COLUMNS)], tuple(notes)


def _places(model: _Model, predictions: Predictions) -> list[int]:
    return [model.predictions.findings.index(name) for name in predictions.findings]


def base_differences(a: Measured, b: Measured, settings: Settings, *, delong: bool) -> list[dict[str, Any]]:
    """Rows of the change of every base metric of every cell; ``delong``: with the paired test of AUCs."""
    noise = ece_noise(b) - ece_noise(a)
    out = []
    for c, cell in enumerate(a.cells):
        judge, small = (
            partial(judge_biased, noise=noise[:, c], settings=settings),
            _of_either(small_note, a, b, c),
        )
        for metric in EMITTED:
            k = INDEX[metric]
            p = _delong(a, b, c) if delong and metric == "auc" else None
            place = {"metric": metric, "attribute": cell.attribute, "group": cell.group}
            values = a.values[:, :, c, k], b.values[:, :, c, k]
            few = [_of_either(few_note, a, b, f, [c], (metric,)) for f in range(len(a.rows))]
            notes = [joined(small, each) for each in few]
            rows = difference_rows(place, *values, a, settings, p, judge if metric == "ece" else None)
            out += _noted(rows, [*notes, small])
    return out


def _of_either(note: Callable[..., str], a: Measured, b: Measured, *place: Any) -> str:
    """What there is to note of a place in two tables: once where they are of the same patients."""
    return joined(*dict.fromkeys(note(measured, *place) for measured in (a, b)))


def gap_differences(a: Measured, b: Measured, settings: Settings) -> list[dict[str, Any]]:
    """Rows of the change of every gap; replicate r of one table goes with replicate r of the other."""
    noise_a, noise_b = gap_noise(a), gap_noise(b)
    out = []
    for attribute in a.predictions.attributes:
        columns = a.columns(attribute.name)
        for gap in GAPS:
            values = []
            # A group that is undefined for one model is left out for both, or the gaps would not compare.
            usable = [
                usable_groups(gap, a.observed[f, columns]) & usable_groups(gap, b.observed[f, columns])
                for f in range(len(a.predictions.findings))
            ]
            for m in (a, b):
                parts = [
                    gap_values(gap, m.values[:, f, 0], m.values[:, f, columns], keep)
                    for f, keep in enumerate(usable)
                ]
                values.append(np.stack(parts, axis=1))
            place = {"metric": gap.name, "attribute": attribute.name, "group": ""}
            key = gap.name, attribute.name
            judge = partial(judge_biased, noise=noise_b[key] - noise_a[key], settings=settings)
            rows = difference_rows(place, values[0], values[1], a, settings, None, judge)
            groups = [a.cells[c].group for c in columns]
            left = [
                [g for g, keep in zip(groups, each, strict=True) if not keep and each.any()]
                for each in usable
            ]
            notes = [f"without {', '.join(names)} (undefined for a model)" if names else "" for names in left]
            entering = np.array([*usable, np.any(usable, axis=0)])
            small = [_of_either(small_groups, a, b, [*np.array(columns)[each]]) for each in entering]
            out += _noted(rows, [joined(*both) for both in zip([*notes, ""], small, strict=True)])
    return out


def _noted(rows: list[dict[str, Any]], notes: Sequence[str]) -> list[dict[str, Any]]:
    return [{**r, "note": joined(r["note"], note)} for r, note in zip(rows, notes, strict=True)]


def difference_rows(
    place: dict[str, str],
    a: np.ndarray,
    b: np.ndarray,
    measured: Measured,
    settings: Settings,
    delong: np.ndarray | None,
    judge: Judge | None = None,
) -> list[dict[str, Any]]:
    """Rows per finding and their mean from the two models' values [1 + R, F]; ``judge`` is percentiles by default."""
    both = np.isfinite(a[0]) & np.isfinite(b[0])
    a, b = np.where(both, a, np.nan), np.where(both, b, np.nan)
    a, b = (np.column_stack([x, mean_over_findings(x)]) for x in (a, b))
    change = b - a
    low, high, p = percentiles(change[1:], settings) if judge is None else judge(change)
    p = np.where(np.isfinite(change[0]), p, np.nan)
    out = []
    for f, finding in enumerate([*measured.predictions.findings, "mean"]):
        figures = {"value_a": a[0, f], "value_b": b[0, f], "difference": change[0, f]}
        figures |= {"ci_low": low[f], "ci_high": high[f], "p_value": p[f]}
        figures["p_delong"] = delong[f] if delong is not None and finding != "mean" else np.nan
        note = resample_note(change[1:, f]) if np.isfinite(change[0, f]) else "undefined for a model"
        if finding == "mean":
            note = joined(mean_note(change[0, :-1], measured.predictions.findings), note)
        out.append({**place, "finding": finding, **figures, "note": note})
    return out


def _delong(a: Measured, b: Measured, c: int) -> np.ndarray:
    """Paired DeLong p of the AUC change per finding in one cell; NaN where undefined."""
    out = np.full(len(a.predictions.findings), np.nan)
    size = a.predictions.patients
    for f in range(out.size):
        if not np.isfinite(a.observed[f, c, 0] + b.observed[f, c, 0]):
            continue
        one, two = (
            auc_components(m.rows[f][c].label, m.rows[f][c].score, patient=m.rows[f][c].unit, patients=size)
            for m in (a, b)
        )
        variance = difference_variance(one, two)
        out[f] = normal_p_value(two.auc - one.auc, variance) if np.isfinite(variance) else np.nan
    return out
