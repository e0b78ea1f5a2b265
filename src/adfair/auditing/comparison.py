"""``compare``: paired differences of every metric and gap between models that scored the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd

from adfair.auditing.cutoffs import Cutoffs, chosen_in_sample, resolve
from adfair.auditing.differences import base_differences, gap_differences
from adfair.auditing.formats import load_predictions
from adfair.auditing.measure import measure
from adfair.auditing.pairing import align
from adfair.auditing.predictions import Predictions
from adfair.auditing.settings import Options, Settings
from adfair.auditing.verdict import verdicts
from adfair.errors import ConfigError, DataError
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
        path, rule, origin = _inside(source, threshold)
        if attributes is not None:
            attributes = list(dict.fromkeys([*attributes, *(bins or {})]))
        predictions = load_predictions(path, attributes=attributes, bins=bins)
        # All models are audited on the first one's attributes, also when those were only recognised.
        attributes = [a.name for a in predictions.attributes]
        chosen = (validation or {}).get(name)
        load = None if chosen is None else partial(load_predictions, chosen, attributes=())
        cutoffs = resolve(predictions, rule=rule, validation=load, in_sample=in_sample)
        models.append(_Model(name, predictions, replace(cutoffs, origin=origin or cutoffs.origin)))
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


def _inside(source: Any, threshold: str | float | None) -> tuple[Any, str | float | None, str]:
    """A folder's predictions table, its audited thresholds where no rule was asked for, and where these come from."""
    if not isinstance(source, (str, Path)) or not Path(source).is_dir():
        return source, threshold, ""
    table = Path(source) / "predictions.csv"
    if not table.is_file():
        raise DataError(f"{source}: no predictions.csv in this folder")
    audited = Path(source) / "metrics.csv"
    if threshold is not None or not audited.is_file():
        return table, threshold, ""
    return table, str(audited), "in-sample" if chosen_in_sample(audited) else "given"


def _pair(a: _Model, b: _Model, settings: Settings) -> tuple[pd.DataFrame, tuple[str, ...]]:
    one, two = align(a.predictions, b.predictions)
    # The same seed draws the same patients for both models: that is what pairs the bootstrap.
    first, second = (
        measure(predictions, model.cutoffs.values[_places(model, predictions)], settings)
        for model, predictions in ((a, one), (b, two))
    )
    rows = [
        *base_differences(first, second, settings),
        *gap_differences(first, second, settings),
    ]
    frame = pd.DataFrame(rows)
    frame["model_a"], frame["model_b"], frame["p_adjusted"] = a.name, b.name, np.nan
    notes = [*one.notes, *(f"{m.name}: {m.cutoffs.note}" for m in (a, b) if m.cutoffs.note)]
    return frame[list(COLUMNS)], tuple(notes)


def _places(model: _Model, predictions: Predictions) -> list[int]:
    return [model.predictions.findings.index(name) for name in predictions.findings]
