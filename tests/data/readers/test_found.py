"""The way that all readers share, on a source made in memory: each option with its exact effect."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.data.readers.found_rows import cohort_column, finish_found

from adfair.data.exclusion import without_excluded
from adfair.data.manifest import load_cohort, write_cohort
from adfair.data.readers.found import Found, finish, lazy_reader
from adfair.errors import ConfigError, DataError


def test_the_defaults(found: Found, tmp_path: Path) -> None:
    report = finish_found(found, tmp_path)
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_id"].tolist() == ["i0", "i2", "i3", "i4", "i5"]
    assert cohort_column(report, "race") == {
        "i0": "White", "i2": "White", "i3": "Other", "i4": "Unknown", "i5": "Asian",
    }  # fmt: skip
    assert cohort_column(report, "sex") == {"i0": "F", "i2": "M", "i3": "M", "i4": "Unknown", "i5": "F"}
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
    groups = finish_found(found, tmp_path).groups
    race = groups[groups["attribute"] == "race"].set_index("raw")[["group", "images", "patients"]]
    assert race.T.to_dict("list") == {
        "WHITE": ["White", 2, 1], "PORTUGUESE": ["White", 1, 1], "HISPANIC OR LATINO": ["Other", 1, 1],
        "UNKNOWN": ["Unknown", 1, 1], "ASIAN": ["Asian", 1, 1],
    }  # fmt: skip
    sex = groups[groups["attribute"] == "sex"].set_index("raw")["group"].to_dict()
    assert sex == {"F": "F", "Male": "M", "M": "M", "": "Unknown"}


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
    report = finish_found(found, tmp_path, sections=order)
    assert cohort_column(report, "report") == texts
    if 0 < len(texts) < 5:
        assert report.flow.iloc[-1]["rule"] == f"the report has {' or '.join(order)}"


def test_rows_without_text_may_speak_by_their_labels(found: Found, tmp_path: Path) -> None:
    texts = cohort_column(finish_found(found, tmp_path, sections="findings", no_text="labels"), "report")
    assert set(texts) == {"i0", "i2", "i3", "i4", "i5"}
    assert "edema" in texts["i5"].lower()


@pytest.mark.parametrize(("policy", "label"), [("ones", 1), ("zeros", 0), ("ignore", np.nan), ("keep", -1)])
def test_uncertain_labels(policy: str, label: float, found: Found, tmp_path: Path) -> None:
    np.testing.assert_equal(
        cohort_column(finish_found(found, tmp_path, uncertain=policy), "Edema")["i2"], label
    )


def test_views_and_splits(found: Found, tmp_path: Path) -> None:
    assert set(cohort_column(finish_found(found, tmp_path, views="PA"), "view")) == {"i2", "i3"}
    everything = finish_found(
        found, tmp_path, views="all", split="seeded", fractions={"train": 0.5, "test": 0.5}
    )
    assert cohort_column(everything, "view")["i1"] == "lateral"
    assert set(cohort_column(everything, "split").values()) == {"train", "test"}
    without = replace(found, rows=found.rows.drop(columns="split"))
    assert set(cohort_column(finish_found(without, tmp_path), "split").values()) <= {"train", "val", "test"}
    with pytest.raises(ConfigError, match="made has no split of its own; use split=seeded"):
        finish_found(without, tmp_path, split="own")


def test_missing_files(found: Found, tmp_path: Path) -> None:
    (found.image_root / "i5.png").unlink()
    (found.image_root / "stray.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"made\.csv, row 6, column 'image_path': no such image file"):
        finish_found(found, tmp_path)
    report = finish_found(found, tmp_path, missing="drop")
    assert report.flow.iloc[-1].tolist() == ["the image file is there", 1, 4, 4]
    assert "1 image files beside those of the table have no row." in report.notes
    report = finish_found(found, tmp_path, max_bad="25%")
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
        finish_found(found, tmp_path)
    assert not (tmp_path / "out").exists()
    assert len(finish_found(found, tmp_path, max_bad=0.25).cohort.table) == 4


def test_a_link_out_of_the_folder(found: Found, tmp_path: Path) -> None:
    (found.image_root / "i4.png").unlink()
    (tmp_path / "elsewhere.png").write_bytes(b"")
    (found.image_root / "i4.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(DataError, match="row 5, column 'image_path': the path leads out"):
        finish_found(found, tmp_path)


def test_image_hashes_and_copies(found: Found, tmp_path: Path) -> None:
    report = finish(found, out=tmp_path / "copy", options={"image_hashes": True}, copy=True)
    assert report.cohort.info.image_root is None
    assert report.cohort.table["image_sha256"].nunique() == 5


def test_a_bad_age_may_be_refused(found: Found, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 4, column 'age': not an age from 0 to 120 years"):
        finish_found(found, tmp_path, invalid_age="refuse")


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
    assert cohort_column(finish_found(found, tmp_path), "report")["i0"] == text
    report = finish_found(found, tmp_path, scrub_demographics=True)
    assert "woman" not in cohort_column(report, "report")["i0"]
    assert "edema" in cohort_column(report, "report")["i0"]
    assert cohort_column(report, "report")["i5"] == "imp5"
    assert any("taken out of 1 reports" in note for note in report.notes)


def test_sections_that_the_source_does_not_have_are_named(found: Found, tmp_path: Path) -> None:
    assert (
        cohort_column(finish_found(found, tmp_path, sections="summary,both,impression"), "report")["i0"]
        == "fin0\n\nimp0"
    )
    with pytest.raises(ConfigError, match="sections=summary: the source has impression, findings"):
        finish_found(found, tmp_path, sections="summary")


def test_patients_set_aside_stay_so_where_the_cohort_is_imported_again(found: Found, tmp_path: Path) -> None:
    first = finish_found(found, tmp_path)
    (tmp_path / "list.csv").write_text("patient_id\np0\n")
    info = first.cohort.info.model_copy(update={"exclude_patients": ["../list.csv"]})
    write_cohort(tmp_path / "out", info, first.cohort.table)
    again = finish_found(found, tmp_path)
    assert set(without_excluded(again.cohort)[0].table["patient_id"]) == {"p1", "p2", "p3", "p4"}
    assert "is kept (../list.csv): training leaves these patients out." in again.notes[-1]
    assert again.notes[-1] in (tmp_path / "out/import.yaml").read_text().replace("\n  ", " ")
    (tmp_path / "list.csv").unlink()
    with pytest.raises(DataError, match="of exclude_patients is not there"):
        finish_found(found, tmp_path)
