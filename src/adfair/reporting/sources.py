"""Read what a report is about: a demo folder, a comparison, an audit or an evaluation."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from adfair.auditing import compare
from adfair.auditing.attributes import bin_edges
from adfair.errors import DataError
from adfair.reporting.data import ReportData, RunRecord, model_label
from adfair.reporting.missed import missed_sheet
from adfair.reporting.names import folder_names, shortest_ends
from adfair.reporting.projection import project
from adfair.reporting.records import read_json, read_yaml, recorded
from adfair.reporting.samples import sample_sheet
from adfair.reporting.scores import TABLE, model_folder, read_embeddings, read_predictions, sha256
from adfair.reporting.tables import HOLDS, is_paired, read_paired, read_table, sides
from adfair.reporting.text import listed

DIAGNOSES = ("diagnosis.json", "diagnosis/diagnosis.json", "cohort/diagnosis.json")


def _frames(folders: list[Path]) -> list[pd.DataFrame]:
    """The table of each folder. One model's folder gives it a name that no other model on the page has."""
    tables = {folder: _comparison(folder) for folder in folders if (folder / "comparison.csv").is_file()}
    single = [folder for folder in folders if folder not in tables]
    absolute = [folder.resolve() for folder in single]
    _refuse_twice(tables, dict(zip(folder_names(absolute), single, strict=True)))
    held = {name for table in tables.values() for name in table["model"]}
    named = dict(zip(single, folder_names(absolute, taken=held), strict=True))
    return [_metrics(folder, named[folder]) if folder in named else tables[folder] for folder in folders]


def _refuse_twice(tables: dict[Path, pd.DataFrame], single: dict[str, Path]) -> None:
    """Refuse a model that two tables hold: nothing says that it is the same one.

    Comparisons may share one, as a baseline. A folder of its own by the name of a model of a comparison is most likely
    that model, which would stand on the page twice.
    """
    paired = {folder for folder in tables if is_paired(folder / "comparison.csv")}
    held = [(folder, name) for folder, table in tables.items() for name in dict.fromkeys(table["model"])]
    for i, (folder, name) in enumerate(held):
        others = [other for other, same in held[:i] if same == name and not {folder, other} <= paired]
        others += [single[name]] if folder in paired and name in single else []
        if others:
            raise DataError.at(
                f"model '{name}' is in {others[0]} too",
                file=folder,
                remedy="Leave one of them out or rename it",
            )


def _comparison(folder: Path) -> pd.DataFrame:
    path = folder / "comparison.csv"
    if is_paired(path):
        return sides(read_paired(path))
    frame = read_table(path)
    if absent := [c for c in ("model", "test_set") if c not in frame]:
        raise DataError.at(f"no column {listed(absent)}", file=path, remedy=HOLDS)
    return frame


def _metrics(folder: Path, name: str) -> pd.DataFrame:
    if not (folder / "metrics.csv").is_file():
        raise DataError.at("no comparison.csv and no metrics.csv", file=folder, remedy=HOLDS)
    # Beside further test sets of the same model there may be audits, which are another matter.
    further = sorted(p for p in folder.glob("*/metrics.csv") if not (p.parent / "audit.json").is_file())
    if any(p.parent.name == "test" for p in further):
        raise DataError.at(
            "a folder 'test' beside the table of the test set", file=folder, remedy="Rename it"
        )
    places = [("test", folder / "metrics.csv"), *((p.parent.name, p) for p in further)]
    return pd.concat([read_table(p).assign(model=name, test_set=t) for t, p in places], ignore_index=True)


def _differences(folders: list[Path]) -> pd.DataFrame:
    places = [folder / name for folder in folders for name in ("differences.csv", "comparison.csv")]
    frames = [read_paired(path) for path in places if path.is_file() and is_paired(path)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _facts(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Facts of one folder as they are; of several once where they agree, else by model."""
    if len(found) == 1:
        return next(iter(found.values()))
    held = {model: facts for model, facts in found.items() if facts}
    facts: dict[str, Any] = {}
    for key in dict.fromkeys(key for each in held.values() for key in each):
        values = {model: each[key] for model, each in held.items() if key in each}
        first, *others = values.values()
        alike = len(values) == len(found) and all(value == first for value in others)
        facts[key] = first if alike else values
    return facts


def read_run(folder: Path) -> RunRecord:
    """Read the log, configuration and environment of a run folder; absent files leave their part empty."""
    log = folder / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    steps = []
    for row, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            steps.append(json.loads(line))
        except ValueError:
            raise DataError.at("not JSON", file=log, row=row, remedy="Remove that line") from None
    name = folder.resolve().name
    return RunRecord(
        name, tuple(steps), read_yaml(folder / "config.yaml"), read_json(folder / "environment.json")
    )


def _runs(folder: Path, models: Sequence[str]) -> list[RunRecord]:
    places = [folder, *(folder / m for m in models if Path(m).name == m)]
    return [read_run(p) for p in places if (p / "log.jsonl").is_file() or (p / "config.yaml").is_file()]


def read_sources(
    sources: Sequence[Path], *, title: str | None = None, images: Path | None = None
) -> ReportData:
    """Gather one or more folders into the data of one page.

    Args:
        sources: folders; the first one's ``demo.json``, ``cohort/`` and ``diagnosis.json`` describe how the numbers
            came to be.
        images: a cohort's folder: images that the models missed are put on the page. Patients are then on it.

    Raises:
        DataError: a folder does not exist or holds no table.
    """
    folders = _distinct(sources)
    frames = _frames(folders)
    runs: list[RunRecord] = []
    places: dict[str, Path] = {}
    for folder, frame in zip(folders, frames, strict=True):
        models = list(dict.fromkeys(frame["model"]))
        runs += _runs(folder, models)
        places |= {m: p for m in models if (p := model_folder(folder, m)) and not _suppressed(p)}
    first = folders[0]
    data = ReportData(
        title=title or "",
        metrics=pd.concat(frames, ignore_index=True),
        differences=_differences(folders),
        runs=tuple(runs),
        facts=_facts({frame["model"].iloc[0]: recorded(f) for f, frame in zip(folders, frames, strict=True)}),
        cohort=read_yaml(first / "cohort" / "cohort.yaml"),
        diagnosis=next((d for p in DIAGNOSES if (d := read_json(first / p))), {}),
        files=_files(folders, places),
    )
    return _pictured(_paired(_scored(_described(data), places), places), first / "cohort", images)


def _distinct(sources: Sequence[Path]) -> list[Path]:
    """The folders, each there and given once."""
    if not sources:
        raise DataError.at("no folder given", remedy=HOLDS)
    seen: dict[Path, Path] = {}
    for source in map(Path, sources):
        if not source.is_dir():
            raise DataError.at("no such folder", file=source, remedy=HOLDS)
        if source.resolve() in seen:
            raise DataError.at("given twice", file=source, remedy="Name each folder once")
        seen[source.resolve()] = source
    return list(seen.values())


def _suppressed(folder: Path) -> bool:
    """Whether small groups were taken out of the tables: what single patients got must then stay off the page too."""
    return bool((read_json(folder / "audit.json").get("settings") or {}).get("suppress_small"))


def _files(sources: list[Path], places: dict[str, Path]) -> dict[str, str]:
    tables = [s / name for s in sources for name in ("comparison.csv", "metrics.csv") if (s / name).is_file()]
    tables += [place / TABLE for place in places.values()]
    distinct = list(dict.fromkeys(path.resolve() for path in tables))
    return dict(zip(shortest_ends(distinct, least=2), map(sha256, distinct), strict=True))


def _described(data: ReportData) -> ReportData:
    labels = [model_label(m) for m in data.models]
    models = listed(labels) if len(labels) <= 4 else f"{len(labels)} models"
    return replace(data, title=data.title or f"Fairness report: {models}")


def _scored(data: ReportData, places: dict[str, Path]) -> ReportData:
    """Add predictions and projections of the primary test set, whose files stand in the model's own folder."""
    if data.test_sets[0] != "test":
        return data
    groups = {attribute: data.groups(attribute) for attribute in data.attributes}
    predictions = {m: read_predictions(p / TABLE, groups) for m, p in places.items()}
    vectors = {m: v for m, p in places.items() if (v := read_embeddings(p)) is not None}
    projections = {m: project(*v, predictions[m]) for m, v in vectors.items()}
    return replace(data, predictions=predictions, projections=projections)


def _paired(data: ReportData, places: dict[str, Path]) -> ReportData:
    """Add paired differences of the first two models, where no table holds any and both scored the same images."""
    if (
        data.pair is None
        or len(data.differences)
        or not all(model in data.predictions for model in data.pair)
    ):
        return data
    held = [{a.name for a in data.predictions[model].attributes} for model in data.pair]
    plain = [a for a in data.attributes if all(a in each for each in held) and not bin_edges(data.groups(a))]
    try:
        found = compare({model: places[model] for model in data.pair}, attributes=plain)
    except DataError:  # of other images: there is nothing to pair
        return data
    return replace(data, differences=found.table)


def _pictured(data: ReportData, cohort: Path, images: Path | None) -> ReportData:
    # Patient images never enter a page by default: the workflow must have said that they are drawn.
    shown = data.facts.get("synthetic") is True and bool(data.attributes)
    return replace(
        data,
        samples=sample_sheet(cohort, data.cohort, attribute=data.attributes[0]) if shown else None,
        missed=missed_sheet(images, data) if images is not None else None,
    )
