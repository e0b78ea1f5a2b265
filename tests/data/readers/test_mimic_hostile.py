"""MIMIC-CXR-JPG with files that are damaged, missing or at odds: each is named, nothing is written."""

import gzip
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data.readers.mimic_files import (
    ADMISSIONS,
    CHEXPERT,
    METADATA,
    PATIENTS,
    SPLIT,
    write_gzip,
)

from adfair.data.readers import ImportReport
from adfair.errors import AdfairError

HOSTILE = [
    ("metadata", "ViewPosition", "Projection", "lacks the columns ViewPosition; expected dicom_id, subject_id"),
    ("metadata", "d2,10000032,53", "d0,10000032,53", "row 3, column 'image_id': this image is listed in an earlier"),
    ("metadata", "d2,", "../d2,", "row 3, column 'image_path': the path leads out of the image folder"),
    ("metadata", "d2,10000032,53189527", "d2,10000032,53189528", "row 3, column 'image_path': no such image file"),
    ("metadata", "d2,10", '"d2,10', "not a well-formed CSV table"),
    ("split", "d1,", "d0,", "row 2, column 'dicom_id': this dicom_id is listed in an earlier row"),
    ("split", r"(?m)^d(?=\d)", "e", "none of its dicom_id is in the main table"),
    ("split", "validate", "validation", "row 4, column 'split': unknown split 'validation'; expected train, validate, test"),
    ("chexpert", "10000898,50771383", "10000032,53189527", "row 3, column 'study_id': this subject_id and study_id"),
    ("chexpert", "-1.0", "-2.0", "row 3, column 'Lung Opacity': the cell is no label"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "old", "new", "message"), HOSTILE)
def test_a_hostile_table_is_refused(
    table: str,
    old: str,
    new: str,
    message: str,
    read_mimic: Callable[..., ImportReport],
    mimic_jpg: Path,
    tmp_path: Path,
) -> None:
    text = {"metadata": METADATA, "split": SPLIT, "chexpert": CHEXPERT}[table]
    assert re.search(old, text)
    text = re.sub(old, new, text, count=0 if old.startswith("(?m)") else 1)
    write_gzip(mimic_jpg / f"mimic-cxr-2.0.0-{table}.csv.gz", text)
    with pytest.raises(AdfairError, match=re.escape(message)):
        read_mimic()
    assert not (tmp_path / "out").exists()


def test_races_that_are_in_no_table(read_mimic: Callable[..., ImportReport], mimic_iv: Path) -> None:
    text = ADMISSIONS.replace("PORTUGUESE", "MARTIAN").replace("12:35", "12:36")
    write_gzip(mimic_iv / "hosp/admissions.csv.gz", text)
    with pytest.raises(
        AdfairError, match=r"admissions.csv.gz, column 'race': 1 different .*'MARTIAN' \(1 rows\)"
    ):
        read_mimic()
    write_gzip(mimic_iv / "hosp/admissions.csv.gz", ADMISSIONS.replace("race", "colour"))
    with pytest.raises(AdfairError, match=r"lacks the column race \(MIMIC-IV 2.0 and later\) or ethnicity"):
        read_mimic()


def test_missing_parts_are_named(
    read_mimic: Callable[..., ImportReport], mimic_jpg: Path, mimic_iv: Path
) -> None:
    with pytest.raises(
        AdfairError,
        match=r"no patients of MIMIC-IV: expected patients\.csv, found mimic-cxr-2\.0\.0-chexpert.*and 1 other files and folders",
    ):
        read_mimic(sources=[mimic_jpg])
    with pytest.raises(
        AdfairError, match=r"no metadata of MIMIC-CXR-JPG: expected mimic-cxr-2\.0\.0-metadata"
    ):
        read_mimic(sources=[mimic_iv])
    with pytest.raises(AdfairError, match=r"no test labels of MIMIC-CXR-JPG 2\.1\.0: expected"):
        read_mimic("labels=radiologist")


def test_a_gzip_file_that_ends_early(read_mimic: Callable[..., ImportReport], mimic_jpg: Path) -> None:
    file = mimic_jpg / "mimic-cxr-2.0.0-metadata.csv.gz"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(AdfairError, match="the gzip stream is damaged or ends early"):
        read_mimic()


def test_hostile_reports(
    read_mimic: Callable[..., ImportReport],
    mimic_jpg: Path,
    mimic_iv: Path,
    mimic_reports: Path,
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(mimic_reports) as archive:
        archive.extractall(tmp_path / "tree")
    mimic_reports.write_bytes(mimic_reports.read_bytes()[:-40])
    with pytest.raises(AdfairError, match=r"mimic-cxr-reports\.zip: damaged, or ends early"):
        read_mimic()
    text = tmp_path / "tree/files/p10/p10000032/s50414267.txt"
    text.write_bytes(b"IMPRESSION: \xff\xfe")
    with pytest.raises(AdfairError, match=r"study in row 1 of the metadata is none: not UTF-8") as error:
        read_mimic(sources=[mimic_jpg, mimic_iv, tmp_path / "tree"])
    assert "10000032" not in str(error.value)
    text.unlink()
    text.symlink_to(mimic_jpg / "mimic-cxr-2.0.0-split.csv.gz")
    with pytest.raises(AdfairError, match=r"study in row 1 .* link out of the folder"):
        read_mimic(sources=[mimic_jpg, mimic_iv, tmp_path / "tree"])


def test_missing_and_stray_images(read_mimic: Callable[..., ImportReport], mimic_jpg: Path) -> None:
    study = mimic_jpg / "files/p10/p10000032/s50414267"
    shutil.move(study / "d0.jpg", study / "unlisted.jpg")
    with pytest.raises(AdfairError, match="row 1, column 'image_path': no such image file"):
        read_mimic()
    report = read_mimic("missing=drop")
    assert report.flow["rule"].tolist()[2] == "the image file is there"
    assert report.cohort.table["image_id"].tolist() == ["d2", "d5", "d6"]


def test_two_sexes_cannot_be_for_they_come_from_one_row(
    read_mimic: Callable[..., ImportReport], mimic_iv: Path
) -> None:
    write_gzip(mimic_iv / "hosp/patients.csv.gz", PATIENTS + "10000032,M,52,2180,x,\n")
    with pytest.raises(
        AdfairError, match=r"row 5, column 'subject_id': this subject_id is listed in an earlier"
    ):
        read_mimic()


def _spoil(file: Path, old: str, new: str) -> None:
    text = gzip.decompress(file.read_bytes()).decode()
    assert old in text
    write_gzip(file, text.replace(old, new))


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("iv/hosp/patients.csv.gz", "10000764,M,86", "10000764,M,>89"),
        ("jpg/mimic-cxr-2.0.0-metadata.csv.gz", "21321015", "15/10/32"),
    ],
)
def test_an_age_that_cannot_be_counted_is_no_empty_one(
    table: str, old: str, new: str, read_mimic: Callable[..., ImportReport], tmp_path: Path
) -> None:
    _spoil(tmp_path / table, old, new)
    assert "2 ages were none and are set to unknown." in read_mimic("conflicting=first").notes
    with pytest.raises(AdfairError, match=r"row 4, column 'age': not an age .*\(also row 6\)"):
        read_mimic("conflicting=first", "invalid_age=refuse")


def test_admissions_without_a_time_come_last_and_other_times_are_refused(
    read_mimic: Callable[..., ImportReport], mimic_iv: Path
) -> None:
    file = mimic_iv / "hosp/admissions.csv.gz"
    _spoil(file, "10000898,4,2188-01-01 00:00:00", "10000898,4,")
    table = read_mimic("conflicting=first", "views=all").cohort.table.set_index("image_id")
    assert table["race"]["d4"] == "White"
    _spoil(file, "2180-05-06 22:23:00", "6/5/2180 22:23")
    with pytest.raises(AdfairError, match="row 2, column 'admittime': not a time such as"):
        read_mimic("conflicting=first")


def test_ids_written_in_another_way_are_not_people_without_admissions(
    read_mimic: Callable[..., ImportReport], mimic_iv: Path
) -> None:
    write_gzip(mimic_iv / "hosp/admissions.csv.gz", re.sub(r"(?m)^(\d+),", r".0,", ADMISSIONS))
    with pytest.raises(
        AdfairError, match=r"admissions\.csv\.gz: none of its patients is among those of mimic"
    ):
        read_mimic()


def test_a_study_of_two_patients_is_refused(read_mimic: Callable[..., ImportReport], mimic_jpg: Path) -> None:
    _spoil(mimic_jpg / "mimic-cxr-2.0.0-metadata.csv.gz", "d5,11000000,50000005", "d5,11000000,50771383")
    with pytest.raises(
        AdfairError, match="row 6, column 'study_id': the study belongs to another patient in an ear"
    ):
        read_mimic()


def test_an_image_name_too_long_for_a_disk_is_a_missing_file(
    read_mimic: Callable[..., ImportReport], mimic_jpg: Path
) -> None:
    for name in ("metadata", "split"):
        _spoil(mimic_jpg / f"mimic-cxr-2.0.0-{name}.csv.gz", "d5,", f"{'d' * 300},")
    with pytest.raises(AdfairError, match="row 6, column 'image_path': no such image file"):
        read_mimic()


def test_a_damaged_metadata_table_and_another_archive_of_reports(
    read_mimic: Callable[..., ImportReport], mimic_jpg: Path, mimic_reports: Path
) -> None:
    with zipfile.ZipFile(mimic_reports, "w") as archive:
        archive.writestr("files/p99/p99999999/s99999999.txt", "IMPRESSION: another study")
    with pytest.raises(
        AdfairError, match=r"reports\.zip: holds no report of the studies.*files/pNN/pSUBJECT/sSTUDY\.txt"
    ) as error:
        read_mimic()
    assert "10000032" not in str(error.value)


@pytest.mark.parametrize("inside", ["mimic-cxr-reports/files", "files", "."])
def test_a_folder_of_reports_that_match_no_study_is_not_passed_over(
    inside: str, read_mimic: Callable[..., ImportReport], mimic_jpg: Path, mimic_iv: Path, tmp_path: Path
) -> None:
    patient = tmp_path / "other" / inside / "p99/p99999999"
    patient.mkdir(parents=True)
    sources = [mimic_jpg, mimic_iv, tmp_path / "other"]
    assert not read_mimic(sources=sources).cohort.has_reports
    (patient / "s99999999.txt").write_text("IMPRESSION: another study")
    with pytest.raises(
        AdfairError, match=r"holds no report of the studies in the metadata\. .*correct this SO"
    ):
        read_mimic(sources=sources)
