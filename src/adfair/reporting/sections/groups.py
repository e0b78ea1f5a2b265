"""Every group's own numbers: who is served worst, and by which model."""

from adfair.reporting.data import ReportData, model_label
from adfair.reporting.sections.section import Section
from adfair.reporting.text import count
from adfair.reporting.view import Column, Row, Table, cell, extreme, slot

# True where more is better for the patient; the worst group is marked accordingly.
METRICS = {"auc": ("AUC", True), "tpr": ("True positive rate", True), "fpr": ("False positive rate", False)}
INTRO = (
    "Higher AUC and true positive rate and lower false positive rate are better. In each column the group "
    "served worst is marked. A value that cannot be computed says so and why; patients of unknown group "
    "keep a row of their own."
)
ELSEWHERE = "Single findings are many here: choose one under Explore, which has their table too."
MOST_CELLS = 4000


def groups(data: ReportData) -> Section | None:
    """The mean over findings for each attribute, every single finding on demand."""
    if not any(data.groups(a) for a in data.attributes):
        return None
    shown = [a for a in data.attributes if data.groups(a)]
    crossed = [a for a in data.intersections if data.groups(a)]
    single = _singles(data, shown)
    return Section(
        key="groups",
        short="Groups",
        title="Group by group",
        intro=INTRO if single or not data.findings else f"{INTRO} {ELSEWHERE}",
        tables=tuple(_table(data, a, "mean") for a in shown),
        folded=tuple(_table(data, a, "mean") for a in crossed) + tuple(_table(data, a, f) for f, a in single),
        folded_label=" and ".join(
            words
            for words, held in (("Intersections", crossed), ("every finding on its own", single))
            if held
        ).capitalize(),
    )


def _singles(data: ReportData, attributes: list[str]) -> list[tuple[str, str]]:
    """Findings and attributes with a table of their own, unless the page would be slow to open for them."""
    groups = sum(len(data.groups(a)) for a in attributes)
    many = groups * len(data.findings) * len(data.models) * len(METRICS) > MOST_CELLS
    return [] if many else [(f, a) for f in data.findings for a in attributes]


def _table(data: ReportData, attribute: str, finding: str) -> Table:
    names = data.groups(attribute)
    columns, cells = [], []
    for metric, (label, more_is_better) in METRICS.items():
        for model in data.models:
            found = [
                data.get(metric, model=model, finding=finding, attribute=attribute, group=g) for g in names
            ]
            if all(e is None for e in found):
                continue
            worst = extreme(found, largest=not more_is_better)
            columns.append(Column(model_label(model), over=label, slot=slot(data, model)))
            cells.append([cell(e, mark="worst" if i == worst else "") for i, e in enumerate(found)])
    rows = tuple(
        Row(group, tuple(column[i] for column in cells), detail=_size(data, finding, attribute, group))
        for i, group in enumerate(names)
    )
    what = "mean over findings" if finding == "mean" else finding
    return Table(f"By {attribute}: {what}", "Group", tuple(columns), rows, attribute, finding)


def _size(data: ReportData, finding: str, attribute: str, group: str) -> str:
    """Images of a group; a mean counts each image once a finding, so the largest finding speaks for it."""
    findings = data.findings if finding == "mean" and data.findings else (finding,)
    found = [
        data.get("auc", model=data.models[0], finding=f, attribute=attribute, group=group) for f in findings
    ]
    sizes = [e.n for e in found if e is not None and e.n == e.n]
    return f"n = {count(max(sizes))}" if sizes else ""
