"""Cells of a foreign table, one rule at a time."""

from pathlib import Path

import pandas as pd
import pytest

from adfair.data.readers import cells
from adfair.data.readers.mapping import AttributeRule, FieldRule, Filter, FindingRule, LabelList
from adfair.errors import DataError

FILE = Path("source.csv")
REPORT = "PA view of JANE DOE, born 1950. No focal consolidation."


def column(*texts: str, name: str = "x") -> pd.DataFrame:
    """One column whose rows were numbers 11, 13, 15, ... of the source."""
    return pd.DataFrame({name: list(texts)}, index=range(10, 10 + 2 * len(texts), 2), dtype=str)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        *(("058Y", "58"), ("58", "58"), (" 7 Y ", "7"), ("30.5", "30.5"), ("30.", "30"), ("0", "0")),
        *(("018M", "1.5"), ("10W", "0.19"), ("011D", "0.03"), ("120", "120"), ("", "")),
        *(
            ("120.1", ""),
            ("999M", "83.25"),
            ("-3", ""),
            ("1e2", ""),
            ("\u0665\u0660", ""),
            ("nan", ""),
            ("5 years", ""),
            ("Y", ""),
        ),
    ],
)
def test_ages_in_every_unit(text: str, years: str) -> None:
    rule = FieldRule(column="x", invalid="unknown")
    got, invalid = cells.age_text(column(text), rule, file=FILE)
    assert got.tolist() == [years]
    assert invalid == (years == "" and text != "")


def test_a_template_joins_stripped_cells_and_a_stem_drops_folder_and_suffix() -> None:
    table = column(" a ", "b").assign(n=["1", "2"])
    rule = FieldRule(template="d/{x}-{n}.v2.png")
    assert cells.raw_text(table, rule, file=FILE).tolist() == ["d/a-1.v2.png", "d/b-2.v2.png"]
    stem = rule.model_copy(update={"stem": True})
    assert cells.raw_text(table, stem, file=FILE).tolist() == ["a-1.v2", "b-2.v2"]
    with pytest.raises(DataError, match=r"source\.csv, column 'y': .* lacks\. It has: x, n\."):
        cells.raw_text(table, FieldRule(template="{x}{y}"), file=FILE)


def test_groups_that_are_neither_mapped_nor_declared_are_refused_by_row_or_unknown() -> None:
    table = column("w", "Unknown", "", "B", REPORT)
    rule = AttributeRule(column="x", groups=["A", "B"], map={"w": "A"})
    with pytest.raises(DataError, match=r"source\.csv, row 19, column 'sex': text .* has no group") as error:
        cells.group_text(table, rule, name="sex", file=FILE)
    assert "to one of A, B, or to '' for unknown" in str(error.value)
    assert "consolidation" not in str(error.value)
    lenient = rule.model_copy(update={"other": "unknown"})
    assert cells.group_text(table, lenient, name="sex", file=FILE).tolist() == ["A", "", "", "B", ""]


def test_a_cell_that_is_no_label_is_named_and_not_quoted() -> None:
    rule = FindingRule(column="x", map={"yes": "1", "?": "-1"})
    assert cells.finding_text(column("yes", "?", "0", ""), rule, name="Edema", file=FILE).tolist() == [
        *("1", "-1", "0", "")
    ]
    with pytest.raises(
        DataError, match=r"row 13, column 'x': .* \(also row 15\)\. Add it to .* 'Edema'"
    ) as e:
        cells.finding_text(column("yes", REPORT, "no"), rule, name="Edema", file=FILE)
    assert "JANE" not in str(e.value)


def test_listed_findings_match_whole_names_and_keep_the_rows() -> None:
    table = column("Mass , Effusion", "Massive Effusion", "", "Oedema", "None")
    rule = LabelList(column="x", separator=",", findings={"Mass": ["Mass"], "Edema": ["Edema", "Oedema"]})
    got, notes = cells.listed_findings(table, rule, file=FILE)
    assert got.index.equals(table.index)
    assert got["Mass"].tolist() == ["1", "0", "", "0", "0"]
    assert got["Edema"].tolist() == ["0", "0", "", "1", "0"]
    assert notes == [
        "3 of the names listed in 'x' belong to no finding of the mapping. Names that occur more than once: none."
    ]


def test_listed_findings_in_another_case_of_letters_are_the_same() -> None:
    table = column("Effusion, edema", "EDEMA", "effusion")
    rule = LabelList(column="x", separator=",", findings={"Edema": ["Edema"], "Effusion": ["Effusion"]})
    got, notes = cells.listed_findings(table, rule, file=FILE)
    assert got["Edema"].tolist() == ["1", "1", "0"]
    assert got["Effusion"].tolist() == ["1", "0", "1"]
    assert notes == []


def test_listed_names_that_no_rule_maps_are_counted_and_shown_only_where_they_are_names() -> None:
    rule = LabelList(column="x", separator=",", findings={"Edema": ["Edema"]})
    _, (note,) = cells.listed_findings(column("Edema,Mass", "mass, Nodule", "Nodule", ""), rule, file=FILE)
    assert note == (
        "2 of the names listed in 'x' belong to no finding of the mapping. Names that occur more than once: Nodule."
    )
    for table in (column("Edema", REPORT), column("Edema", REPORT.replace(",", ""), REPORT.replace(",", ""))):
        _, (note,) = cells.listed_findings(table, rule, file=FILE)
        assert "of the names listed" in note
        assert "JANE" not in note


def test_a_list_without_the_finding_names_what_occurs_but_never_quotes_free_text() -> None:
    rule = LabelList(column="x", findings={"Mass": ["Mass"]})
    with pytest.raises(DataError, match=r"lists the finding 'Mass'\. Names that occur: Nodule, Edema\.$"):
        cells.listed_findings(column("Nodule|Edema", "Nodule", ""), rule, file=FILE)
    people = column(*(f"DOE JANE {i}" for i in range(301)))
    for table in (column("Edema", REPORT), people):
        with pytest.raises(DataError, match="different texts") as error:
            cells.listed_findings(table, rule, file=FILE)
        assert "JANE" not in str(error.value)
    with pytest.raises(DataError, match=r"Names that occur: none\.$"):
        cells.listed_findings(column("", ""), rule, file=FILE)


def test_long_headers_are_cut_where_a_column_is_missing() -> None:
    with pytest.raises(DataError, match="the table lacks") as error:
        cells.require(column("a", name=REPORT), "y", file=FILE)
    assert "1950" not in str(error.value)


def test_silence_in_a_list_may_mean_unknown_or_absent() -> None:
    rule = LabelList(column="x", findings={"Mass": ["Mass"]}, unlisted="", empty="0")
    assert cells.listed_findings(column("Mass", "Nodule", ""), rule, file=FILE)[0]["Mass"].tolist() == [
        *("1", "", "0")
    ]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"equals": "AP"}, [True, False, False, True]),
        ({"one_of": ["PA", "LL"]}, [False, True, False, False]),
        ({"one_of": []}, [False] * 4),
        ({"empty": True}, [False, False, True, False]),
        ({"empty": False}, [True, True, False, True]),
    ],
)
def test_filters(rule: dict[str, object], kept: list[bool]) -> None:
    table = column("AP", "PA", "  ", " AP ")
    assert cells.passes(table, Filter.model_validate({"column": "x"} | rule), file=FILE).tolist() == kept


def test_without_a_rule_a_column_is_empty() -> None:
    table = column("a", "b")
    assert cells.mapped_text(table, None, file=FILE).to_dict() == {10: "", 12: ""}
    assert cells.age_text(table, None, file=FILE)[0].to_dict() == {10: "", 12: ""}
