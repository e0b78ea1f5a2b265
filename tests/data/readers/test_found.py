"""The way that all readers share, on a source made in memory: each option with its exact effect."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers.found import Found, Statements, finish, lazy_reader
from adfair.data.readers.report import ImportReport
from adfair.errors import ConfigError, DataError

ROWS = pd.DataFrame(
    [
        ["i0", "p0", "AP", "60", "train", "1.0", "F", "WHITE", "imp0", "fin0"],
        ["i1", "p0", "LL", "60", "train", "1.0", "F", "WHITE", "imp1", ""],
        ["i2", "p1", "PA", "058Y", "train", "-1.0", "Male", "PORTUGUESE", "", "fin2"],
        ["i3", "p2", "PA", "414", "val", "", "M", "HISPANIC OR LATINO", "imp3", "fin3"],
        ["i4", "p3", "AP", "", "test", "0.0", "", "UNKNOWN", "imp4", ""],
        ["i5", "p4", "AP", "7", "test", "0.0", "F", "ASIAN", "imp5", ""],
    ],
    columns=[
        "image_id", "patient_id", "raw:view", "age", "split", "Edema", "raw:sex", "raw:race",
        "section:impression", "section:findings",
    ],
)  # fmt: skip


@pytest.fixture
def found(tmp_path: Path) -> Found:
    root = tmp_path / "images"
    root.mkdir()
    rows = ROWS.assign(image_path=ROWS["image_id"] + ".png")
    for i, path in enumerate(rows["image_path"]):
        Image.fromarray(np.full((4, 4), i, dtype=np.uint8)).save(root / path)
    return Found(
        name="made", source="a test", licence="none", file=tmp_path / "made.csv", rows=rows,
        findings=["Edema"], image_root=root, tables={"race": "race_mimic"},
    )  # fmt: skip


def _finish(found: Found, tmp_path: Path, **options: Any) -> ImportReport:
    return finish(found, out=tmp_path / "out", options=options, force=True)


def _column(report: ImportReport, name: str) -> dict[str, Any]:
    return report.cohort.table.set_index("image_id")[name].to_dict()


def test_the_defaults(found: Found, tmp_path: Path) -> None:
    report = _finish(found, tmp_path)
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_id"].tolist() == ["i0", "i2", "i3", "i4", "i5"]
    assert _column(report, "race") == {
        "i0": "White", "i2": "White", "i3": "Other", "i4": "Unknown", "i5": "Asian",
    }  # fmt: skip
    assert _column(report, "sex") == {"i0": "F", "i2": "M", "i3": "M", "i4": "Unknown", "i5": "F"}
    np.testing.assert_array_equal(table["age"], [60, 58, np.nan, np.nan, 7])
    np.testing.assert_array_equal(table["Edema"], [1, -1, np.nan, 0, 0])
    assert table["report"].tolist() == ["imp0", "fin2", "imp3", "imp4", "imp5"]
    assert table["view"].tolist() == ["AP", "PA", "PA", "AP", "AP"]
    assert report.cohort.info.attributes == {"race": ["Asian", "Black", "White", "Other"], "sex": ["F", "M"]}
    assert report.notes == ["1 ages were none and are set to unknown."]
    assert report.flow.to_numpy().tolist() == [
        ["rows of the source", 0, 6, 5],
        ["the view is AP or PA or frontal", 1, 5, 5],
    ]
    assert not [name for name in table.columns if ":" in name]


def test_every_raw_text_is_counted_over_all_rows(found: Found, tmp_path: Path) -> None:
    groups = _finish(found, tmp_path).groups
    race = groups[groups["attribute"] == "race"].set_index("raw")[["group", "images", "patients"]]
    assert race.T.to_dict("list") == {
        "WHITE": ["White", 2, 1], "PORTUGUESE": ["White", 1, 1], "HISPANIC OR LATINO": ["Other", 1, 1],
        "UNKNOWN": ["Unknown", 1, 1], "ASIAN": ["Asian", 1, 1],
    }  # fmt: skip
    sex = groups[groups["attribute"] == "sex"].set_index("raw")["group"].to_dict()
    assert sex == {"F": "F", "Male": "M", "M": "M", "": "Unknown"}


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
    report = _finish(found, tmp_path, **options)
    expected = {"i0": "White", "i2": "White", "i3": "Other", "i4": "Unknown", "i5": "Asian"} | changed
    if not changed:
        del expected["i3"]
        assert report.flow.iloc[-1].tolist() == ["race is one of those kept", 1, 4, 4]
        assert report.groups.query("raw == 'HISPANIC OR LATINO'")["group"].tolist() == ["(left out)"]
    assert _column(report, "race") == expected
    assert report.cohort.info.attributes["race"] == declared


def test_hispanic_is_also_read_from_ethnicity(found: Found, tmp_path: Path) -> None:
    ethnicity = ["Hispanic/Latino", "", "Not Hispanic", "", "", ""]
    found = replace(
        found,
        rows=found.rows.assign(**{"raw:ethnicity": ethnicity}),
        tables=found.tables | {"ethnicity": "ethnicity_chexpert"},
    )
    assert _column(_finish(found, tmp_path), "race")["i0"] == "White"
    report = _finish(found, tmp_path, hispanic="own")
    assert _column(report, "race")["i0"] == "Hispanic"
    assert report.groups.query("attribute == 'ethnicity'")["images"].sum() == 6
    assert "ethnicity" not in report.cohort.info.attributes
    strange = replace(found, rows=found.rows.replace({"Not Hispanic": "?"}))
    stray = _finish(strange, tmp_path).groups.query("raw == '?'")
    assert stray[["attribute", "group"]].to_numpy().tolist() == [["ethnicity", "Unknown"]]
    with pytest.raises(DataError, match=r"column 'ethnicity': 1 different texts .*'\?' \(1 rows\)"):
        _finish(strange, tmp_path, hispanic="own")
    with_it = _finish(found, tmp_path, attributes="race,ethnicity")
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
    report = _finish(found, tmp_path, conflicting=policy)
    expected = {"i0": "White", "i2": race, "i3": "Unknown", "i4": "Unknown", "i5": "Unknown"}
    assert _column(report, "race") == {key: value for key, value in expected.items() if value}
    white = report.groups.query("raw == 'WHITE'")[["images", "patients"]]
    assert white.to_numpy().tolist() == [[3, 2]]
    assert any(f"1 patients have two known groups of race (conflicting={policy})" in n for n in report.notes)
    with pytest.raises(DataError, match=r"admissions\.csv, row 5, column 'race': this patient has another"):
        _finish(found, tmp_path, conflicting="refuse")


def test_two_sexes_for_one_patient(found: Found, tmp_path: Path) -> None:
    found = replace(found, rows=found.rows.assign(**{"raw:sex": ["F", "M", "M", "M", "F", "F"]}))
    report = _finish(found, tmp_path)
    assert "i0" not in _column(report, "sex")
    assert report.flow.iloc[-1].tolist() == ["the patient has one sex", 1, 4, 4]
    with pytest.raises(
        DataError, match="row 2, column 'sex': this patient has another sex in an earlier row"
    ):
        _finish(found, tmp_path, conflicting="refuse")


def test_a_text_in_no_table_is_named_with_its_count(found: Found, tmp_path: Path) -> None:
    found = replace(found, rows=found.rows.replace({"WHITE": "MARTIAN"}))
    with pytest.raises(DataError, match=r"1 different texts.*'MARTIAN' \(2 rows\)\. Copy race_mimic\.yaml"):
        _finish(found, tmp_path)
    assert not (tmp_path / "out").exists()
    report = _finish(found, tmp_path, other="unknown")
    assert _column(report, "race")["i0"] == "Unknown"
    assert report.groups.query("raw == 'MARTIAN'")["group"].tolist() == ["Unknown"]


def test_a_table_of_the_user(found: Found, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "attribute: race\ngroups: [Latin, Rest]\ntexts: {hispanic or  latino: Latin, white: Rest, "
        "asian: Rest, portuguese: Rest, unknown: Unknown}\n"
    )
    report = _finish(found, tmp_path, maps={"race": tmp_path / "mine.yaml"}, other_races="drop")
    assert _column(report, "race")["i3"] == "Latin"
    assert report.cohort.info.attributes["race"] == ["Latin", "Rest"]


@pytest.mark.parametrize(
    ("order", "texts"),
    [
        (["findings"], {"i0": "fin0", "i2": "fin2", "i3": "fin3"}),
        (
            ["findings+impression", "impression"],
            {"i0": "fin0\n\nimp0", "i3": "fin3\n\nimp3", "i4": "imp4", "i5": "imp5"},
        ),
        ([], {"i0": "", "i2": "", "i3": "", "i4": "", "i5": ""}),
    ],
)
def test_sections(order: list[str], texts: dict[str, str], found: Found, tmp_path: Path) -> None:
    report = _finish(found, tmp_path, sections=order)
    assert _column(report, "report") == texts
    if 0 < len(texts) < 5:
        assert report.flow.iloc[-1]["rule"] == f"the report has {' or '.join(order)}"


def test_rows_without_text_may_speak_by_their_labels(found: Found, tmp_path: Path) -> None:
    texts = _column(_finish(found, tmp_path, sections="findings", no_text="labels"), "report")
    assert set(texts) == {"i0", "i2", "i3", "i4", "i5"}
    assert "edema" in texts["i5"].lower()


@pytest.mark.parametrize(("policy", "label"), [("ones", 1), ("zeros", 0), ("ignore", np.nan), ("keep", -1)])
def test_uncertain_labels(policy: str, label: float, found: Found, tmp_path: Path) -> None:
    np.testing.assert_equal(_column(_finish(found, tmp_path, uncertain=policy), "Edema")["i2"], label)


def test_views_and_splits(found: Found, tmp_path: Path) -> None:
    assert set(_column(_finish(found, tmp_path, views="PA"), "view")) == {"i2", "i3"}
    everything = _finish(found, tmp_path, views="all", split="seeded", fractions={"train": 0.5, "test": 0.5})
    assert _column(everything, "view")["i1"] == "lateral"
    assert set(_column(everything, "split").values()) == {"train", "test"}
    without = replace(found, rows=found.rows.drop(columns="split"))
    assert set(_column(_finish(without, tmp_path), "split").values()) <= {"train", "val", "test"}
    with pytest.raises(ConfigError, match="made has no split of its own; use split=seeded"):
        _finish(without, tmp_path, split="own")


def test_missing_files(found: Found, tmp_path: Path) -> None:
    (found.image_root / "i5.png").unlink()
    (found.image_root / "stray.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"made\.csv, row 6, column 'image_path': no such image file"):
        _finish(found, tmp_path)
    report = _finish(found, tmp_path, missing="drop")
    assert report.flow.iloc[-1].tolist() == ["the image file is there", 1, 4, 4]
    assert "1 image files beside those of the table have no row." in report.notes
    report = _finish(found, tmp_path, max_bad="25%")
    assert report.flow.iloc[-1].tolist() == ["skipped: no such image file", 1, 4, 4]


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("image_id", "i0", "row 3, column 'image_id': this image is listed in an earlier row"),
        ("patient_id", "", "row 3, column 'patient_id': the cell is empty"),
        ("Edema", "yes", "row 3, column 'Edema': the cell is no label"),
        ("image_path", "../i2.png", "row 3, column 'image_path': the path leads out of the image folder"),
        ("image_path", "/etc/passwd", "row 3, column 'image_path': the path leads out of the image folder"),
    ],
)
def test_rows_with_a_fault(column: str, cell: str, message: str, found: Found, tmp_path: Path) -> None:
    rows = found.rows.copy()
    rows.loc[2, column] = cell
    found = replace(found, rows=rows)
    with pytest.raises(DataError, match=message + r".* 1 of \d rows have a fault"):
        _finish(found, tmp_path)
    assert not (tmp_path / "out").exists()
    assert len(_finish(found, tmp_path, max_bad=0.25).cohort.table) == 4


def test_a_link_out_of_the_folder(found: Found, tmp_path: Path) -> None:
    (found.image_root / "i4.png").unlink()
    (tmp_path / "elsewhere.png").write_bytes(b"")
    (found.image_root / "i4.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(DataError, match="row 5, column 'image_path': the path leads out"):
        _finish(found, tmp_path)


def test_image_hashes_and_copies(found: Found, tmp_path: Path) -> None:
    report = finish(found, out=tmp_path / "copy", options={"image_hashes": True}, copy=True)
    assert report.cohort.info.image_root is None
    assert report.cohort.table["image_sha256"].nunique() == 5


def test_a_bad_age_may_be_refused(found: Found, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 4, column 'age': not an age from 0 to 120 years"):
        _finish(found, tmp_path, invalid_age="refuse")


def test_a_mapping_is_for_the_table_reader() -> None:
    with pytest.raises(ConfigError, match="belongs to the reader 'table'"):
        lazy_reader("none")("x", mapping="m.yaml", out="o")


def test_the_record_beside_the_manifest_repeats_the_import(found: Found, tmp_path: Path) -> None:
    report = finish(found, out=tmp_path / "a", options={"hispanic": "own", "views": "all"}, seed=3)
    record = yaml.safe_load((tmp_path / "a/import.yaml").read_text())
    assert (record["seed"], record["notes"]) == (3, report.notes)
    again = finish(found, out=tmp_path / "b", options=record["options"], seed=record["seed"])
    assert again.cohort.info.manifest_sha256 == report.cohort.info.manifest_sha256
    flow = pd.read_csv(tmp_path / "a/import_flow.csv")
    pd.testing.assert_frame_equal(flow, report.flow, check_dtype=False)
    groups = pd.read_csv(tmp_path / "a/import_groups.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(groups, report.groups, check_dtype=False)


def test_words_for_sex_race_and_age_leave_the_reports_where_asked(found: Found, tmp_path: Path) -> None:
    text = "58 year old woman with edema."
    found = replace(found, rows=found.rows.replace({"imp0": text}))
    assert _column(_finish(found, tmp_path), "report")["i0"] == text
    report = _finish(found, tmp_path, scrub_demographics=True)
    assert "woman" not in _column(report, "report")["i0"]
    assert "edema" in _column(report, "report")["i0"]
    assert _column(report, "report")["i5"] == "imp5"
    assert any("taken out of 1 reports" in note for note in report.notes)


def test_sections_that_the_source_does_not_have_are_named(found: Found, tmp_path: Path) -> None:
    assert (
        _column(_finish(found, tmp_path, sections="summary,both,impression"), "report")["i0"]
        == "fin0\n\nimp0"
    )
    with pytest.raises(ConfigError, match="sections=summary: the source has impression, findings"):
        _finish(found, tmp_path, sections="summary")
