"""Marks in tables: one best or worst, or none."""

from adfair.reporting.data import Estimate
from adfair.reporting.view import Cell, Column, Row, Table, cell, extreme

NOTHING = Estimate(float("nan"), note="empty group")


def test_extreme_ignores_undefined_and_absent_values() -> None:
    estimates = [NOTHING, Estimate(0.8), None, Estimate(0.9)]
    assert extreme(estimates, largest=True) == 3
    assert extreme(estimates, largest=False) == 1


def test_values_that_print_alike_are_a_tie() -> None:
    assert extreme([Estimate(0.8801), Estimate(0.8802)], largest=True) is None
    assert extreme([Estimate(0.88), NOTHING], largest=True) is None


def test_undefined_and_absent_cells_say_so() -> None:
    assert cell(NOTHING) == Cell("undefined:", ("empty group",), "undefined")
    assert cell(None).text == "–"
    assert cell(Estimate(0.1, 0.05, 0.2, chance=0.04), chance=True).details == (
        "[.050,\u00a0.200]",
        "chance .040",
    )


def test_upper_headings_span_their_columns_and_rows_gather_under_theirs() -> None:
    columns = (Column("a", over="X"), Column("b", over="X"), Column("a", over="Y"))
    rows = (Row("1", (), over="p"), Row("2", (), over="q"), Row("3", (), over="p"))
    table = Table("caption", "head", columns, rows)
    assert table.upper == (("X", 2), ("Y", 1))
    assert [(name, [row.label for row in found]) for name, found in table.bodies] == [
        ("p", ["1", "3"]),
        ("q", ["2"]),
    ]
