"""The group table: the worst is marked in the right direction, and sizes are images."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from adfair.reporting.data import ReportData
from adfair.reporting.sections.groups import groups
from adfair.reporting.tables import read_table


def _table(fake: SimpleNamespace, folder: Path, rows: list[dict[str, object]]) -> ReportData:
    pd.DataFrame(rows, columns=fake.COLUMNS).to_csv(folder / "comparison.csv", index=False)
    return ReportData(title="", metrics=read_table(folder / "comparison.csv"))


def test_the_lowest_auc_and_the_highest_false_positive_rate_are_worst(
    fake: SimpleNamespace, tmp_path: Path
) -> None:
    values = {"A": (0.9, 0.3), "B": (0.8, 0.1)}
    rows = [
        fake.row("m", metric, value, attribute="race", group=group)
        for group, pair in values.items()
        for metric, value in zip(("auc", "fpr"), pair, strict=True)
    ]
    section = groups(_table(fake, tmp_path, rows))
    assert section is not None
    marks = {row.label: [cell.mark for cell in row.cells] for row in section.tables[0].rows}
    assert marks == {"A": ["", "worst"], "B": ["worst", ""]}


def test_a_mean_counts_an_image_once(fake: SimpleNamespace, tmp_path: Path) -> None:
    sizes = {"mean": 190, "Edema": 100, "Atelectasis": 90}
    rows = [fake.row("m", "auc", 0.8, finding=f, attribute="race", group="A", n=n) for f, n in sizes.items()]
    section = groups(_table(fake, tmp_path, rows))
    assert section is not None
    assert section.tables[0].rows[0].detail == "n = 100"
    assert [table.rows[0].detail for table in section.folded] == ["n = 100", "n = 90"]


def test_crossed_groups_have_their_own_table(fake: SimpleNamespace, tmp_path: Path) -> None:
    pairs = [("race", "A"), ("sex", "F"), ("race*sex", "A*F"), ("odd*name", "x")]
    rows = [fake.row("m", "auc", 0.8, attribute=attribute, group=group) for attribute, group in pairs]
    section = groups(_table(fake, tmp_path, rows))
    assert section is not None
    # A name that merely holds a star is an attribute like any other.
    assert [table.caption.split(":")[0] for table in section.tables] == ["By race", "By sex", "By odd*name"]
    assert section.folded[0].caption.startswith("By race*sex")
