"""What the parts of the page ask the table for."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from adfair.reporting.data import ReportData
from adfair.reporting.tables import read_table


def test_groups_come_in_order_of_appearance_without_the_pairs_of_signed_differences(
    fake: SimpleNamespace, tmp_path: Path
) -> None:
    places = [
        ("auc", "race", "White"),
        ("auc", "race", "Black"),
        ("tpr", "race", "White"),
        ("auc", "sex", "F"),
    ]
    places += [("auc_difference", "race", "White-Black"), ("tpr", "race", "Unknown"), ("auc", "", "")]
    rows = [fake.row("m", metric, 0.5, attribute=a, group=g) for metric, a, g in places]
    pd.DataFrame(rows, columns=fake.COLUMNS).to_csv(tmp_path / "metrics.csv", index=False)
    data = ReportData("t", read_table(tmp_path / "metrics.csv"))
    assert data.groups("race") == ("White", "Black", "Unknown")
    assert data.groups("sex") == ("F",)
    assert data.groups("age") == ()
