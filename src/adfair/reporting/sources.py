"""Read what a report is about: a demo folder, a comparison, an audit or an evaluation."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from adfair.auditing import compare
from adfair.auditing.attributes import bin_edges
from adfair.errors import DataError
from adfair.reporting.data import ReportData, RunRecord, model_label
from adfair.reporting.missed import missed_sheet
from adfair.reporting.projection import project
from adfair.reporting.samples import sample_sheet
from adfair.reporting.scores import TABLE, model_folder, read_embeddings, read_predictions, sha256
from adfair.reporting.tables import HOLDS, is_paired, read_paired, read_table, sides
from adfair.reporting.text import listed

DIAGNOSES = ("diagnosis.json", "diagnosis/diagnosis.json", "cohort/diagnosis.json")


def _metrics(folder: Path, taken: set[str]) -> pd.DataFrame:
    if (folder / "comparison.csv").is_file():
        if is_paired(folder / "comparison.csv"):
            return sides(read_paired(folder / "comparison.csv"))
        frame = read_table(folder / "comparison.csv")
        absent = [c for c in ("model", "test_set") if c not in frame]
        if absent:
            raise DataError.at(f"no column {listed(absent)}", file=folder / "comparison.csv", remedy=HOLDS)
        if twice := sorted(taken & set(frame["model"])):
            raise DataError.at(
                f"model '{twice[0]}' is in another folder too", file=folder, remedy="Rename one"
            )
        return frame
    if not (folder / "metrics.csv").is_file():
        raise DataError.at("no comparison.csv and no metrics.csv", file=folder, remedy=HOLDS)
    name = _free_name(folder, taken)
    # Beside further test sets of the same model there may be audits, which are another matter.
    further = sorted(p for p in folder.glob("*/metrics.csv") if not (p.parent / "audit.json").is_file())
    if any(p.parent.name == "test" for p in further):
        raise DataError.at(
            "a folder 'test' beside the table of the test set", file=folder, remedy="Rename it"
        )
    places = [("test", folder / "metrics.csv"), *((p.parent.name, p) for p in further)]
    return pd.concat([read_table(p).assign(model=name, test_set=t) for t, p in places], ignore_index=True)


def _free_name(folder: Path, taken: set[str]) -> str:
    """The end of a folder's path, as long as it takes to be another than those taken."""
    parts = folder.resolve().parts[1:]
    names = ("/".join(parts[-k:]) for k in range(1, len(parts) + 1))
    return next(name for name in names if name not in taken)


def _differences(folders: list[Path]) -> pd.DataFrame:
    places = [folder / name for folder in folders for name in ("differences.csv", "comparison.csv")]
    frames = [read_paired(path) for path in places if path.is_file() and is_paired(path)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _json(path: Path) -> dict[str, Any]:
    return _mapping(path, json.loads) if path.is_file() else {}


def _yaml(path: Path) -> dict[str, Any]:
    return _mapping(path, yaml.safe_load) if path.is_file() else {}


def _mapping(path: Path, parse: Any) -> dict[str, Any]:
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError):
        raise DataError.at("cannot be read", file=path, remedy="Write it again or remove it") from None
    if not isinstance(content, dict):
        raise DataError.at("holds no keys", file=path, remedy="Write it again or remove it")
    return content


def _recorded(folder: Path) -> dict[str, Any]:
    """What a command wrote down beside its tables: a demonstration, an evaluation or an audit."""
    written = _json(folder / "demo.json") or _json(folder / "evaluation.json")
    if written or not (audit := _json(folder / "audit.json")):
        return written
    settings = audit.get("settings") or {}
    chosen = {key: settings.get(key) for key in ("level", "replicates", "permutations", "adjustment", "seed")}
    if chosen["permutations"] is None:
        chosen["permutations"] = chosen["replicates"]
    notes = {"notes": "; ".join(audit["notes"])} if audit.get("notes") else {}
    return {**(audit.get("facts") or {}), **chosen, **notes}


def _facts(recorded: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Facts of one folder as they are; of several once where they agree, else by model."""
    if len(recorded) == 1:
        return next(iter(recorded.values()))
    held = {model: facts for model, facts in recorded.items() if facts}
    facts: dict[str, Any] = {}
    for key in dict.fromkeys(key for found in held.values() for key in found):
        values = {model: found[key] for model, found in held.items() if key in found}
        first, *others = values.values()
        alike = len(values) == len(recorded) and all(value == first for value in others)
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
    return RunRecord(name, tuple(steps), _yaml(folder / "config.yaml"), _json(folder / "environment.json"))


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
    frames: list[pd.DataFrame] = []
    runs: list[RunRecord] = []
    places: dict[str, Path] = {}
    seen: set[Path] = set()
    for source in map(Path, sources):
        if not source.is_dir():
            raise DataError.at("no such folder", file=source, remedy=HOLDS)
        if source.resolve() in seen:
            raise DataError.at("given twice", file=source, remedy="Name each folder once")
        seen.add(source.resolve())
        frames.append(_metrics(source, {name for f in frames for name in f["model"]}))
        models = list(dict.fromkeys(frames[-1]["model"]))
        runs += _runs(source, models)
        places |= {m: p for m in models if (p := model_folder(source, m)) and not _suppressed(p)}
    if not frames:
        raise DataError.at("no folder given", remedy=HOLDS)
    first = Path(sources[0])
    data = ReportData(
        title=title or "",
        metrics=pd.concat(frames, ignore_index=True),
        differences=_differences(list(map(Path, sources))),
        runs=tuple(runs),
        facts=_facts(
            {
                frame["model"].iloc[0]: _recorded(s)
                for s, frame in zip(map(Path, sources), frames, strict=True)
            }
        ),
        cohort=_yaml(first / "cohort" / "cohort.yaml"),
        diagnosis=next((d for p in DIAGNOSES if (d := _json(first / p))), {}),
        files=_files(list(map(Path, sources)), places),
    )
    return _pictured(_paired(_scored(_described(data), places), places), first / "cohort", images)


def _suppressed(folder: Path) -> bool:
    """Whether small groups were taken out of the tables: what single patients got must then stay off the page too."""
    return bool((_json(folder / "audit.json").get("settings") or {}).get("suppress_small"))


def _files(sources: list[Path], places: dict[str, Path]) -> dict[str, str]:
    tables = [s / name for s in sources for name in ("comparison.csv", "metrics.csv") if (s / name).is_file()]
    tables += [place / TABLE for place in places.values()]
    return {f"{path.resolve().parent.name}/{path.name}": sha256(path) for path in dict.fromkeys(tables)}


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
