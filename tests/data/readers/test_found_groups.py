"""Groups out of the texts of a source: the policies of race, patients with two groups, texts in no table."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from tests.data.readers.found_rows import cohort_column, finish_found

from adfair.data.readers.found import Found, Statements
from adfair.errors import DataError

POLICIES: list[tuple[dict[str, str], dict[str, str], list[str]]] = [
    ({"portuguese": "own"}, {"i2": "Portuguese"}, ["Asian", "Black", "White", "Other", "Portuguese"]),
    ({"portuguese": "other"}, {"i2": "Other"}, ["Asian", "Black", "White", "Other"]),
    ({"portuguese": "unknown"}, {"i2": "Unknown"}, ["Asian", "Black", "White", "Other"]),
    ({"hispanic": "own"}, {"i3": "Hispanic"}, ["Asian", "Black", "White", "Other", "Hispanic"]),
    ({"hispanic": "unknown"}, {"i3": "Unknown"}, ["Asian", "Black", "White", "Other"]),
    ({"hispanic": "drop"}, {}, ["Asian", "Black", "White", "Other"]),
    ({"other_races": "unknown"}, {"i3": "Unknown"}, ["Asian", "Black", "White"]),
    ({"other_races": "drop"}, {}, ["Asian", "Black", "White"]),
]


@pytest.mark.parametrize(("options", "changed", "declared"), POLICIES)
def test_the_policies_of_race(
    options: dict[str, str], changed: dict[str, str], declared: list[str], found: Found, tmp_path: Path
) -> None:
    report = finish_found(found, tmp_path, **options)
    expected = {"i0": "White", "i2": "White", "i3": "Other", "i4": "Unknown", "i5": "Asian"} | changed
    if not changed:
        del expected["i3"]
        assert report.flow.iloc[-1].tolist() == ["race is one of those kept", 1, 4, 4]
        assert report.groups.query("raw == 'HISPANIC OR LATINO'")["group"].tolist() == ["(left out)"]
    assert cohort_column(report, "race") == expected
    assert report.cohort.info.attributes["race"] == declared


def test_hispanic_is_also_read_from_ethnicity(found: Found, tmp_path: Path) -> None:
    ethnicity = ["Hispanic/Latino", "", "Not Hispanic", "", "", ""]
    found = replace(
        found,
        rows=found.rows.assign(**{"raw:ethnicity": ethnicity}),
        tables=found.tables | {"ethnicity": "ethnicity_chexpert"},
    )
    assert cohort_column(finish_found(found, tmp_path), "race")["i0"] == "White"
    report = finish_found(found, tmp_path, hispanic="own")
    assert cohort_column(report, "race")["i0"] == "Hispanic"
    assert report.groups.query("attribute == 'ethnicity'")["images"].sum() == 6
    assert "ethnicity" not in report.cohort.info.attributes
    strange = replace(found, rows=found.rows.replace({"Not Hispanic": "?"}))
    stray = finish_found(strange, tmp_path).groups.query("raw == '?'")
    assert stray[["attribute", "group"]].to_numpy().tolist() == [["ethnicity", "Unknown"]]
    with pytest.raises(DataError, match=r"column 'ethnicity': 1 different texts .*'\?' \(1 rows\)"):
        finish_found(strange, tmp_path, hispanic="own")
    with_it = finish_found(found, tmp_path, attributes="race,ethnicity")
    assert with_it.cohort.info.attributes["ethnicity"] == ["Hispanic", "Non-Hispanic"]


ADMISSIONS = [
    ("p0", "WHITE"), ("p0", "UNKNOWN"), ("p0", "WHITE - RUSSIAN"), ("p1", "ASIAN"), ("p1", "WHITE"),
    ("p1", "WHITE"), ("p2", "UNKNOWN"), ("p9", "NOT IN ANY TABLE"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "race"),
    [("drop", None), ("first", "Asian"), ("most_frequent", "White"), ("unknown", "Unknown")],
)
def test_admissions_that_disagree(policy: str, race: str | None, found: Found, tmp_path: Path) -> None:
    table = pd.DataFrame(ADMISSIONS, columns=["patient_id", "raw"])
    found = replace(found, statements={"race": Statements(table, tmp_path / "admissions.csv")})
    report = finish_found(found, tmp_path, conflicting=policy)
    expected = {"i0": "White", "i2": race, "i3": "Unknown", "i4": "Unknown", "i5": "Unknown"}
    assert cohort_column(report, "race") == {key: value for key, value in expected.items() if value}
    white = report.groups.query("raw == 'WHITE'")[["images", "patients"]]
    assert white.to_numpy().tolist() == [[3, 2]]
    assert any(f"1 patients have two known groups of race (conflicting={policy})" in n for n in report.notes)
    with pytest.raises(DataError, match=r"admissions\.csv, row 5, column 'race': this patient has another"):
        finish_found(found, tmp_path, conflicting="refuse")


def test_two_sexes_for_one_patient(found: Found, tmp_path: Path) -> None:
    found = replace(found, rows=found.rows.assign(**{"raw:sex": ["F", "M", "M", "M", "F", "F"]}))
    report = finish_found(found, tmp_path)
    assert "i0" not in cohort_column(report, "sex")
    assert report.flow.iloc[-1].tolist() == ["the patient has one sex", 1, 4, 4]
    with pytest.raises(
        DataError, match="row 2, column 'sex': this patient has another sex in an earlier row"
    ):
        finish_found(found, tmp_path, conflicting="refuse")


def test_a_text_in_no_table_is_named_with_its_count(found: Found, tmp_path: Path) -> None:
    found = replace(found, rows=found.rows.replace({"WHITE": "MARTIAN"}))
    with pytest.raises(DataError, match=r"1 different texts.*'MARTIAN' \(2 rows\)\. Copy race_mimic\.yaml"):
        finish_found(found, tmp_path)
    assert not (tmp_path / "out").exists()
    report = finish_found(found, tmp_path, other="unknown")
    assert cohort_column(report, "race")["i0"] == "Unknown"
    assert report.groups.query("raw == 'MARTIAN'")["group"].tolist() == ["Unknown"]


def test_a_report_in_the_column_of_a_group_is_neither_printed_nor_written(
    found: Found, tmp_path: Path
) -> None:
    text = "JANE DOE, born 1950. No focal consolidation."
    found = replace(found, rows=found.rows.replace({"WHITE": text, "UNKNOWN": "PATIENT DECLINED TO ANSWER"}))
    groups = finish_found(found, tmp_path, other="unknown").groups.query("attribute == 'race'")
    assert groups.query("group == 'Unknown'")[["raw", "images"]].to_numpy().tolist() == [
        [f"({len(text)} characters)", 2],
        ["PATIENT DECLINED TO ANSWER", 1],
    ]
    assert "JANE" not in (tmp_path / "out/import_groups.csv").read_text()


@pytest.mark.parametrize(
    ("policy", "race"), [("own", "Hispanic"), ("other", "Other"), ("unknown", "Unknown"), ("drop", None)]
)
def test_one_admission_that_says_hispanic_counts_as_one_statement_of_ethnicity_does(
    policy: str, race: str | None, found: Found, tmp_path: Path
) -> None:
    said = [("p0", "WHITE"), ("p0", "HISPANIC/LATINO - CUBAN"), ("p0", "WHITE"), ("p1", "WHITE")]
    table = pd.DataFrame(said, columns=["patient_id", "raw"])
    mimic = replace(found, statements={"race": Statements(table, tmp_path / "admissions.csv")})
    for conflicting in ("drop", "first"):
        report = finish_found(mimic, tmp_path, hispanic=policy, conflicting=conflicting)
        assert cohort_column(report, "race").get("i0") == race
        assert cohort_column(report, "race")["i2"] == "White"
    by_race = finish_found(mimic, tmp_path, hispanic="race", conflicting="first")
    assert cohort_column(by_race, "race")["i0"] == "White"


def test_a_table_of_the_user(found: Found, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "attribute: race\ngroups: [Latin, Rest]\ntexts: {hispanic or  latino: Latin, white: Rest, "
        "asian: Rest, portuguese: Rest, unknown: Unknown}\n"
    )
    report = finish_found(found, tmp_path, maps={"race": tmp_path / "mine.yaml"}, other_races="drop")
    assert cohort_column(report, "race")["i3"] == "Latin"
    assert report.cohort.info.attributes["race"] == ["Latin", "Rest"]
