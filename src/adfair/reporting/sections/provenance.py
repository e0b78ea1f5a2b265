"""What was run: enough to run it again, and what differed between the models."""

from collections.abc import Mapping
from typing import Any

from adfair.reporting.data import ReportData, RunRecord, model_label
from adfair.reporting.records import STRANGE
from adfair.reporting.sections.section import Section
from adfair.reporting.text import count
from adfair.reporting.view import Cell, Column, Row, Table, slot

FIRST = ("command", "seed", "seconds", "threshold", "threshold_rule", "manifest_sha256")
LABELS = {
    "command": "Command",
    "seed": "Seed",
    "seconds": "Seconds",
    "threshold": "Threshold rule",
    "threshold_rule": "Threshold rule",
    "manifest_sha256": "Manifest, SHA-256",
    "python": "Python",
    "system": "System",
    "machine": "Machine",
    "versions": "Versions",
    "version": "adfair",
    "synthetic": "Synthetic cohort",
    "preset": "Preset",
    "ceiling": "Unbiased training data",
    "scale": "Scale",
    "source": "Table",
    "images": "Images",
    "patients": "Patients",
    "findings": "Findings",
    "attributes": "Groups",
    "unknown": "Images of unknown group",
    "threshold_origin": "Thresholds from",
    "thresholds": "Thresholds",
    "level": "Level of the intervals",
    "replicates": "Resamples of patients",
    "permutations": "Permutations for chance",
    "adjustment": "Adjustment of p-values",
    "notes": "Notes",
    STRANGE: "Records",
}
INTRO = (
    "Run the command with the same versions to get these numbers again. The threshold rule says on which "
    "data the thresholds were chosen."
)


def provenance(data: ReportData) -> Section | None:
    """Facts recorded by the workflow, and the configuration keys in which the models differ."""
    runs = [run for run in data.runs if run.config]
    differing, shared = _split([flatten(run.config) for run in runs])
    tables = (_config_table(data, runs, differing, "Configuration keys that differ"),) if differing else ()
    folded: tuple[Table, ...] = (
        (_config_table(data, runs, shared, "Configuration keys that agree"),) if shared else ()
    )
    folded += (_files(data),) if data.files else ()
    return Section(
        key="provenance",
        short="Run",
        title="What was run",
        intro=INTRO if set(data.facts) - {STRANGE} else "Nothing was recorded of how these tables were made.",
        facts=_facts(data),
        tables=tables,
        folded=folded,
        folded_label="The rest of the configuration, and the files read" if shared else "The files read",
    )


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """``{'train': {'steps': 10}}`` as ``{'train.steps': '10'}``."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = _plain(value)
    return flat


def _line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text}" for key, text in flatten(value).items())
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_plain(v) for v in value) or "none"
    if isinstance(value, float):
        return f"{value:.10g}"
    return {None: "none", True: "yes", False: "no"}.get(value, str(value)) if _is_word(value) else str(value)


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _facts(data: ReportData) -> tuple[tuple[str, str], ...]:
    recorded = {**_versions(data), **data.facts, "manifest_sha256": _hash(data)}
    facts = {str(key): _line(value) for key, value in recorded.items()}
    ordered = [k for k in FIRST if facts.get(k, "none") != "none"]
    rest = [k for k in facts if k not in FIRST]
    sizes = [("Rows in the table", count(len(data.metrics)))]
    return tuple([(LABELS.get(k, k), facts[k]) for k in [*ordered, *rest]] + sizes)


def _files(data: ReportData) -> Table:
    rows = tuple(Row(name, (Cell(digest, mark="text"),)) for name, digest in data.files.items())
    return Table("Files that this page was made from", "File", (Column("SHA-256"),), rows)


def _versions(data: ReportData) -> dict[str, Any]:
    """The environment that the runs recorded, as far as they agree."""
    recorded = [run.environment for run in data.runs if run.environment]
    kept = ("python", "system", "machine", "versions")
    return {
        k: v for k in kept if recorded and (v := recorded[0].get(k)) and all(r.get(k) == v for r in recorded)
    }


def _hash(data: ReportData) -> str | None:
    return data.facts.get("manifest_sha256") or data.cohort.get("manifest_sha256")


def _split(configs: list[dict[str, str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    keys = dict.fromkeys(key for config in configs for key in config)
    values = {key: [config.get(key, "–") for config in configs] for key in keys}
    differing = {k: v for k, v in values.items() if len(set(v)) > 1}
    return differing, {k: v for k, v in values.items() if k not in differing}


def _config_table(
    data: ReportData, runs: list[RunRecord], values: dict[str, list[str]], caption: str
) -> Table:
    columns = tuple(
        Column(model_label(run.name), slot=slot(data, run.name) if run.name in data.models else None)
        for run in runs
    )
    rows = tuple(Row(key, tuple(Cell(v, mark="text") for v in row)) for key, row in values.items())
    return Table(caption, "Key", columns, rows)
