"""MIMIC-CXR-JPG on a look-alike tree of its three data sets: exact cohorts, and hostile versions."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.data.readers.mimic_files import ADMISSIONS, CHEXPERT, TEST_SET, write_gzip

from adfair.data.manifest import load_cohort
from adfair.data.readers import ImportReport


def test_the_exact_cohort(read_mimic: Callable[..., ImportReport], tmp_path: Path) -> None:
    report = read_mimic("conflicting=first")
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_id"].tolist() == ["d0", "d2", "d5", "d6"]
    assert table["patient_id"].tolist() == ["10000032", "10000032", "11000000", "12000000"]
    assert table["study_id"].tolist() == ["50414267", "53189527", "50000005", "50000006"]
    assert table["image_path"][0] == "files/p10/p10000032/s50414267/d0.jpg"
    assert table["view"].tolist() == ["PA", "AP", "PA", "PA"]
    assert table["report"].tolist() == ["No acute process.", "Patchy opacity.", "Oedema.", "Normal."]
    assert table["race"].tolist() == ["White", "White", "Unknown", "Unknown"]
    assert table["sex"].tolist() == ["F", "F", "M", "Unknown"]
    assert table["split"].tolist() == ["train", "train", "test", "test"]
    np.testing.assert_array_equal(table["age"], [52, 55, np.nan, np.nan])
    np.testing.assert_array_equal(table["No Finding"], [1, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(table["Lung Opacity"], [np.nan, -1, np.nan, np.nan])
    np.testing.assert_array_equal(table["Edema"], [np.nan, np.nan, 1, np.nan])
    assert report.flow.to_numpy().tolist() == [
        ["rows of mimic-cxr-2.0.0-metadata.csv.gz", 0, 7, 5],
        ["the view is AP or PA or frontal", 2, 5, 4],
        ["the report has impression or findings", 1, 4, 3],
    ]
    assert report.notes == [
        "Labels: chexpert. 2 of 6 studies have no row in mimic-cxr-2.0.0-chexpert.csv.gz: their findings are empty.",
        "1 of 5 patients are not in patients.csv.gz: sex and age unknown.",
        "2 of 5 patients have no admission: race unknown.",
        "1 ages were none and are set to unknown.",
        "No image is in split val; --set split=seeded draws all three.",
    ]


@pytest.mark.parametrize(
    ("option", "race"),
    [("first", "Black"), ("most_frequent", "Black"), ("unknown", "Unknown"), ("drop", None)],
)
def test_admissions_that_disagree_go_by_time(
    option: str, race: str | None, read_mimic: Callable[..., ImportReport]
) -> None:
    table = read_mimic(f"conflicting={option}", "views=all").cohort.table.set_index("image_id")
    assert table["race"].get("d4") == race
    assert table["view"].get("d4", "other") == "other"


def test_every_race_of_the_images_patients_is_counted(read_mimic: Callable[..., ImportReport]) -> None:
    counted = (
        read_mimic().groups.query("attribute == 'race'").set_index("raw")[["group", "images", "patients"]]
    )
    assert counted.T.to_dict("list") == {
        "WHITE": ["White", 4, 2], "WHITE - RUSSIAN": ["White", 3, 1], "PORTUGUESE": ["White", 1, 1],
        "BLACK/CAPE VERDEAN": ["Black", 1, 1],
    }  # fmt: skip


def test_mimic_iv_before_2_calls_it_ethnicity(
    read_mimic: Callable[..., ImportReport], mimic_iv: Path
) -> None:
    newer = read_mimic().cohort.info.manifest_sha256
    (mimic_iv / "hosp").rename(mimic_iv / "core")
    write_gzip(mimic_iv / "core/admissions.csv.gz", ADMISSIONS.replace("race", "ethnicity"))
    assert read_mimic().cohort.info.manifest_sha256 == newer


def test_the_labelled_test_set_of_2_1_0(read_mimic: Callable[..., ImportReport], mimic_jpg: Path) -> None:
    (mimic_jpg / "mimic-cxr-2.1.0-test-set-labeled.csv").write_text(TEST_SET)
    report = read_mimic("labels=radiologist")
    table = report.cohort.table.set_index("image_id")
    assert table.query("split == 'test'").index.tolist() == ["d5"]
    assert table.loc["d5", ["Edema", "Lung Opacity"]].tolist() == [0, 1]
    assert table.loc["d0", "No Finding"] == 1
    assert report.flow.iloc[1].tolist() == ["of the test split, studies labelled by radiologists", 1, 6, 4]


def test_labels_of_negbio(read_mimic: Callable[..., ImportReport], mimic_jpg: Path) -> None:
    write_gzip(mimic_jpg / "mimic-cxr-2.0.0-negbio.csv.gz", CHEXPERT.replace("-1.0", "1.0"))
    np.testing.assert_array_equal(read_mimic("labels=negbio").cohort.table["Lung Opacity"][:2], [np.nan, 1])


def test_reports_in_any_form(
    read_mimic: Callable[..., ImportReport],
    mimic_jpg: Path,
    mimic_iv: Path,
    mimic_reports: Path,
    tmp_path: Path,
) -> None:
    from_zip = read_mimic().cohort.info.manifest_sha256
    with zipfile.ZipFile(mimic_reports) as archive:
        archive.extractall(tmp_path / "tree/mimic-cxr-reports")
    assert (
        read_mimic(sources=[tmp_path / "tree", mimic_iv, mimic_jpg]).cohort.info.manifest_sha256 == from_zip
    )
    table = tmp_path / "mimic_cxr_sectioned.csv"
    lines = ["study,impression,findings,last_paragraph,comparison", 's50414267,"No acute process.",x,,']
    lines += ["s53189527,,Patchy opacity.,,", "s50000005,Oedema.,,,", "s50000006,Normal.,,,"]
    table.write_text("\n".join(lines))
    assert read_mimic(sources=[mimic_jpg, table, mimic_iv]).cohort.info.manifest_sha256 == from_zip
    without = read_mimic(sources=[mimic_jpg, mimic_iv])
    assert not without.cohort.has_reports
    assert any(note.startswith("No reports were given (mimic-cxr-reports.zip") for note in without.notes)


def test_sections_beyond_the_usual(read_mimic: Callable[..., ImportReport]) -> None:
    texts = read_mimic("sections=findings+impression,last_paragraph").cohort.table.set_index("image_id")[
        "report"
    ]
    assert texts["d0"] == "The lungs are clear.\n\nNo acute process."
    assert texts["d3"] == "PA and lateral. No effusion."
