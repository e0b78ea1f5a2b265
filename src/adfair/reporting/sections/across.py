"""The same models on every test set: does a result survive when the population changes?"""

from adfair.reporting.data import Estimate, ReportData, model_label
from adfair.reporting.sections.section import Section
from adfair.reporting.text import metric_label
from adfair.reporting.view import Column, Row, Table, cell, extreme, slot

OVERALL = ("auc", "few_shot_auc@16")
BY_ATTRIBUTE = ("worst_group_auc", "es_auc", "equalized_odds_difference")
LOWER_IS_BETTER = {"equalized_odds_difference"}
SYNTHETIC_SETS = {
    "test": "findings independent of groups",
    "test_reversed": "the training shortcut points the other way",
    "test_5x90": "small, so gaps are noisy",
}
INTRO = (
    "One table, every test set. The best model of each test set is marked where the values differ as "
    "printed; a mark is not a test, so read it with the intervals. Gaps on small test sets are large by "
    "chance alone."
)


def across_test_sets(data: ReportData) -> Section | None:
    """All models on all test sets, with intervals."""
    wanted = [(m, "") for m in OVERALL] + [(m, a) for a in data.attributes for m in BY_ATTRIBUTE]
    present = set(zip(data.metrics["metric"], data.metrics["attribute"], strict=True))
    columns = [pair for pair in wanted if pair in present]
    if not columns or len(data.models) * len(data.test_sets) < 2:
        return None
    rows = tuple(row for place in data.test_sets for row in _rows(data, place, columns))
    heads = tuple(Column(metric_label(m), over=f"By {a}" if a else "All patients") for m, a in columns)
    table = Table("Models on every test set, mean over findings with intervals", "Model", heads, rows)
    return Section("test-sets", "Test sets", "Across test sets", INTRO, tables=(table,))


def _rows(data: ReportData, place: str, columns: list[tuple[str, str]]) -> list[Row]:
    found: list[list[Estimate | None]] = []
    for metric, attribute in columns:
        found.append([data.get(metric, model=m, test_set=place, attribute=attribute) for m in data.models])
    best = [extreme(e, largest=m not in LOWER_IS_BETTER) for e, (m, _) in zip(found, columns, strict=True)]
    remark = SYNTHETIC_SETS.get(place, "") if data.facts.get("synthetic") is True else ""
    over = f"{place}: {remark}" if remark else place
    return [
        Row(
            model_label(model),
            tuple(
                cell(column[i], chance=True, mark="best" if best[j] == i else "")
                for j, column in enumerate(found)
            ),
            slot=slot(data, model),
            over=over,
        )
        for i, model in enumerate(data.models)
    ]
