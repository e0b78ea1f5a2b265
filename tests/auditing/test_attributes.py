"""Group codes, bins and intersections."""

import numpy as np
import pandas as pd
import pytest

from adfair.auditing.attributes import (
    UNKNOWN,
    attribute_columns,
    bin_edges,
    bin_names,
    crossed,
    encode,
    parse_bins,
)
from adfair.errors import ConfigError, DataError


def test_unknown_in_any_spelling_is_code_minus_one() -> None:
    column = pd.Series(["F", "", None, "unknown", "Unknown", " M ", "nan", "None"], name="sex")
    got = encode(column, source="t")
    assert got.groups == ("F", "M", "None")
    assert got.codes.tolist() == [0, -1, -1, -1, -1, 1, -1, 2]


def test_whole_numbers_lose_their_decimals() -> None:
    got = encode(pd.Series([1.0, np.nan, 0.0], name="sex"), source="t")
    assert got.groups == ("0", "1")
    assert got.codes.tolist() == [1, -1, 0]


def test_bins_are_closed_on_the_left() -> None:
    got = encode(pd.Series([39.9, 40, 59, 60, np.nan], name="age"), source="t", edges=[40, 60])
    assert got.groups == ("<40", "40-60", ">=60")
    assert got.codes.tolist() == [0, 1, 1, 2, -1]


def test_too_many_groups_ask_for_bins() -> None:
    with pytest.raises(DataError, match=r"--bins age=40,60,80"):
        encode(pd.Series(range(90), name="age"), source="t")
    with pytest.raises(ConfigError, match="must increase"):
        encode(pd.Series([1, 2], name="age"), source="t", edges=[5, 5])


def test_intersections_are_unknown_where_either_is() -> None:
    race = encode(pd.Series(["A", "B", "", "A"], name="race"), source="t")
    sex = encode(pd.Series(["F", "M", "F", ""], name="sex"), source="t")
    got = crossed(race, sex)
    assert got.name == "race*sex"
    assert got.groups == ("A*F", "A*M", "B*F", "B*M")
    assert got.codes.tolist() == [0, 3, -1, -1]


def test_bins_are_parsed() -> None:
    assert parse_bins(["age=40,60.5", "bmi=25"]) == {"age": [40, 60.5], "bmi": [25]}
    with pytest.raises(ConfigError, match="expected NAME=EDGE"):
        parse_bins(["age"])


def test_columns_of_names_or_text_are_not_audited_unasked() -> None:
    frame = pd.DataFrame(
        {
            "patient_name": ["Doe", "Smith"],
            "findings_text": ["clear", "opaque"],
            "sex": ["F", "M"],
            "memo": ["a" * 41, "b"],
            "age": [3, 4],
            "tags": [["a"], ["b"]],
        }
    )
    notes: list[str] = []
    assert attribute_columns(frame, used=(), notes=notes) == ["sex", "tags"]
    assert [note.split("'")[1] for note in notes] == ["patient_name", "findings_text", "memo", "age"]


@pytest.mark.parametrize("edges", [[float("nan")], [40, float("inf")], [60, 40], []])
def test_edges_that_are_no_edges(edges: list[float]) -> None:
    with pytest.raises(ConfigError, match="must increase and be finite"):
        encode(pd.Series([1.0, 2.0], name="age"), source="t", edges=edges)


def test_unknown_in_a_binned_column_is_unknown() -> None:
    got = encode(pd.Series(["30", "Unknown", "", "70"], name="age"), source="t", edges=[50])
    assert got.codes.tolist() == [0, -1, -1, 1]


def test_a_group_name_that_could_steer_a_terminal_is_refused() -> None:
    with pytest.raises(DataError, match="column 'sex': a group's name holds a control character"):
        encode(pd.Series(["F", "F\x1b[31m"], name="sex"), source="t")


@pytest.mark.parametrize("edges", [[60.0], [40.0, 60.0], [-5.0, -2.5, 0.0], [1e-9, 1e6]])
def test_edges_are_found_again_from_the_names_of_their_bins(edges: list[float]) -> None:
    assert bin_edges(bin_names(edges)) == edges
    assert bin_edges([*bin_names(edges), UNKNOWN]) == edges


@pytest.mark.parametrize(
    "groups", [[], [UNKNOWN], ["F", "M"], ["<40"], ["<40", ">=60"], ["40-60", "<40", ">=60"]]
)
def test_groups_that_are_no_bins_have_no_edges(groups: list[str]) -> None:
    assert bin_edges(groups) is None
