"""What the cohort held before training, and the remedy that was taken, with its reasons."""

from collections.abc import Mapping, Sequence
from typing import Any

from adfair.reporting.data import ReportData, model_label
from adfair.reporting.sections.section import Section
from adfair.reporting.text import number
from adfair.reporting.view import Cell, Column, Row, Table

INTRO = (
    "Looked at before anything was trained: how the reports' findings depend on the groups, whether reports name the "
    "group, how large the groups are. The policy turns that into a remedy; each choice is given with its reason."
)
TITLES = {
    "dependence": "What the findings in the reports tell about the group",
    "naming": "Share of reports that name sex, race or age",
    "sizes": "Group sizes",
    "reporting": "Reports by group",
    "images": "Image quality by group",
}
MOST_ROWS = 60


def cohort(data: ReportData) -> Section | None:
    """``diagnosis.json`` and the policy that each run recorded; ``None`` without either."""
    policies = _policies(data)
    if not data.diagnosis and not policies:
        return None
    tables = tuple(_table(TITLES.get(k, k), v) for k, v in data.diagnosis.items() if _is_table(v))
    return Section(
        key="cohort",
        short="Cohort",
        title="What the cohort holds, and the remedy",
        intro=INTRO,
        points=(*_diagnosed(data.diagnosis), *policies),
        folded=tables,
        folded_label="All figures of the diagnosis",
    )


def _diagnosed(found: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    if not found:
        return []
    where = f"{found.get('cohort', '')}, {found.get('split', '')}".strip(", ")
    signs = tuple(map(str, found.get("signs") or [str(found.get("conclusion", "none")).capitalize() + "."]))
    notes = tuple(f"Note: {note}" for note in found.get("notes") or ())
    parts = [(f"Signs of bias ({where})" if where else "Signs of bias", signs + notes)]
    return [*parts, *_reasons("Recommended", found.get("policy"))]


def _policies(data: ReportData) -> list[tuple[str, tuple[str, ...]]]:
    return [
        part
        for run in data.runs
        for part in _reasons(f"{model_label(run.name)}: the policy took", run.environment.get("policy"))
    ]


def _reasons(title: str, policy: Any) -> list[tuple[str, tuple[str, ...]]]:
    if not isinstance(policy, Mapping):
        return []
    chosen = [f"{key}: {_text(value)}" for key, value in policy.items() if key != "reasons"]
    return [(title, (", ".join(chosen), *map(str, policy.get("reasons") or ())))]


def _is_table(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _table(title: str, records: Sequence[Mapping[str, Any]]) -> Table:
    keys = [str(key) for key in dict.fromkeys(k for row in records for k in row)]
    rows = tuple(
        Row(_text(row.get(keys[0])), tuple(Cell(_text(row.get(k)), mark="text") for k in keys[1:]))
        for row in records[:MOST_ROWS]
    )
    cut = f" (the first {MOST_ROWS} of {len(records)} rows)" if len(records) > MOST_ROWS else ""
    return Table(title + cut, keys[0], tuple(map(Column, keys[1:])), rows)


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, float) and abs(value) < 1000 else str(value)
