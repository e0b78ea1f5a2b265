"""MIMIC-CXR-JPG on a look-alike tree of its three data sets: exact cohorts, and hostile versions."""

import gzip
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers import ImportReport, get_reader
from adfair.data.readers.chexpert_labels import FINDINGS
from adfair.errors import AdfairError

METADATA = """dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,PatientOrientationCodeSequence_CodeMeaning
d0,10000032,50414267,CHEST (PA AND LAT),PA,3056,2544,21800506,213014.531,x,y,Erect
d1,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544,21800506,213014.531,x,y,Erect
d2,10000032,53189527,CHEST (PORTABLE AP),AP,3056,2544,21830626,165500.312,x,y,
d3,10000764,57375967,CHEST (PORTABLE AP),AP,3056,2544,21321015,83047.312,x,y,
d4,10000898,50771383,CHEST,AP AXIAL,3056,2544,21880318,83047.312,x,y,
d5,11000000,50000005,CHEST,PA,3056,2544,21900101,83047.312,x,y,
d6,12000000,50000006,CHEST,PA,3056,2544,21900101,83047.312,x,y,
"""  # noqa: E501
SPLIT = """dicom_id,study_id,subject_id,split
d0,50414267,10000032,train
d1,50414267,10000032,train
d2,53189527,10000032,train
d3,57375967,10000764,validate
d4,50771383,10000898,train
d5,50000005,11000000,test
d6,50000006,12000000,test
"""
ALPHABETICAL = sorted(FINDINGS)
PATIENTS = """subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod
10000032,F,52,2180,2014 - 2016,
10000764,M,86,2132,2014 - 2016,
10000898,F,79,2188,2014 - 2016,
11000000,M,91,2160,2014 - 2016,
"""
ADMISSIONS = """subject_id,hadm_id,admittime,race
10000032,1,2180-07-23 12:35:00,WHITE - RUSSIAN
10000032,2,2180-05-06 22:23:00,WHITE
10000764,3,2132-10-14 23:31:00,PORTUGUESE
10000898,5,2189-01-01 00:00:00,WHITE
10000898,4,2188-01-01 00:00:00,BLACK/CAPE VERDEAN
"""
REPORTS = {
    "p10/p10000032/s50414267": " EXAMINATION: CHEST\n\n FINDINGS: \n \n The lungs are\n clear.\n\n IMPRESSION: \n\n"
    " No acute process.\n",
    "p10/p10000032/s53189527": " FINDINGS: Old text.\r\n\r\n FINDINGS: Patchy opacity.\r\n",
    "p10/p10000764/s57375967": " PA and lateral. No effusion.\n",
    "p10/p10000898/s50771383": " IMPRESSION:  Effusion.\n",
    "p11/p11000000/s50000005": " IMPRESSION:  Oedema.\n",
    "p12/p12000000/s50000006": " IMPRESSION:  Normal.\n",
}


def _labels(rows: dict[str, dict[str, str]], *, names: list[str] = ALPHABETICAL) -> str:
    lines = [",".join(["subject_id", "study_id", *names])]
    lines += [f"{key}," + ",".join(each.get(name, "") for name in names) for key, each in rows.items()]
    return "\n".join(lines) + "\n"


CHEXPERT = _labels(
    {
        "10000032,50414267": {"No Finding": "1.0"},
        "10000032,53189527": {"Lung Opacity": "-1.0"},
        "10000898,50771383": {"Pleural Effusion": "1.0", "Edema": "0.0"},
        "11000000,50000005": {"Edema": "1.0"},
    }
)
TEST_SET = "study_id," + ",".join(
    "Airspace Opacity" if name == "Lung Opacity" else name for name in ALPHABETICAL
)
TEST_SET += "\n50000005," + ",".join(
    "0" if n == "Edema" else "1" if n == "Lung Opacity" else "" for n in ALPHABETICAL
)


def _gzip(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


@pytest.fixture
def jpg(tmp_path: Path) -> Path:
    root = tmp_path / "jpg"
    tables = {"metadata": METADATA, "split": SPLIT, "chexpert": CHEXPERT, "negbio": CHEXPERT}
    for name, text in tables.items():
        _gzip(root / f"mimic-cxr-2.0.0-{name}.csv.gz", text)
    for line in METADATA.splitlines()[1:]:
        image, subject, study = line.split(",")[:3]
        path = root / f"files/p{subject[:2]}/p{subject}/s{study}/{image}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(path)
    return root


@pytest.fixture
def iv(tmp_path: Path) -> Path:
    _gzip(tmp_path / "iv/hosp/patients.csv.gz", PATIENTS)
    _gzip(tmp_path / "iv/hosp/admissions.csv.gz", ADMISSIONS)
    return tmp_path / "iv"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "cxr/mimic-cxr-reports.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in REPORTS.items():
            archive.writestr(f"files/{name}.txt", text)
    return path


@pytest.fixture
def read(jpg: Path, iv: Path, reports: Path, tmp_path: Path) -> Callable[..., ImportReport]:
    def run(*options: str, sources: list[Path] | None = None) -> ImportReport:
        given = [jpg, reports, iv] if sources is None else sources
        return get_reader("mimic-cxr-jpg").read(given, out=tmp_path / "out", options=options, force=True)

    return run


def test_the_exact_cohort(read: Callable[..., ImportReport], tmp_path: Path) -> None:
    report = read("conflicting=first")
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
    option: str, race: str | None, read: Callable[..., ImportReport]
) -> None:
    table = read(f"conflicting={option}", "views=all").cohort.table.set_index("image_id")
    assert table["race"].get("d4") == race
    assert table["view"].get("d4", "other") == "other"


def test_every_race_of_the_images_patients_is_counted(read: Callable[..., ImportReport]) -> None:
    counted = read().groups.query("attribute == 'race'").set_index("raw")[["group", "images", "patients"]]
    assert counted.T.to_dict("list") == {
        "WHITE": ["White", 4, 2], "WHITE - RUSSIAN": ["White", 3, 1], "PORTUGUESE": ["White", 1, 1],
        "BLACK/CAPE VERDEAN": ["Black", 1, 1],
    }  # fmt: skip


def test_mimic_iv_before_2_calls_it_ethnicity(read: Callable[..., ImportReport], iv: Path) -> None:
    newer = read().cohort.info.manifest_sha256
    (iv / "hosp").rename(iv / "core")
    _gzip(iv / "core/admissions.csv.gz", ADMISSIONS.replace("race", "ethnicity"))
    assert read().cohort.info.manifest_sha256 == newer


def test_the_labelled_test_set_of_2_1_0(read: Callable[..., ImportReport], jpg: Path) -> None:
    (jpg / "mimic-cxr-2.1.0-test-set-labeled.csv").write_text(TEST_SET)
    report = read("labels=radiologist")
    table = report.cohort.table.set_index("image_id")
    assert table.query("split == 'test'").index.tolist() == ["d5"]
    assert table.loc["d5", ["Edema", "Lung Opacity"]].tolist() == [0, 1]
    assert table.loc["d0", "No Finding"] == 1
    assert report.flow.iloc[1].tolist() == ["of the test split, studies labelled by radiologists", 1, 6, 4]


def test_labels_of_negbio(read: Callable[..., ImportReport], jpg: Path) -> None:
    _gzip(jpg / "mimic-cxr-2.0.0-negbio.csv.gz", CHEXPERT.replace("-1.0", "1.0"))
    np.testing.assert_array_equal(read("labels=negbio").cohort.table["Lung Opacity"][:2], [np.nan, 1])


def test_reports_in_any_form(
    read: Callable[..., ImportReport], jpg: Path, iv: Path, reports: Path, tmp_path: Path
) -> None:
    from_zip = read().cohort.info.manifest_sha256
    with zipfile.ZipFile(reports) as archive:
        archive.extractall(tmp_path / "tree/mimic-cxr-reports")
    assert read(sources=[tmp_path / "tree", iv, jpg]).cohort.info.manifest_sha256 == from_zip
    table = tmp_path / "mimic_cxr_sectioned.csv"
    lines = ["study,impression,findings,last_paragraph,comparison", 's50414267,"No acute process.",x,,']
    lines += ["s53189527,,Patchy opacity.,,", "s50000005,Oedema.,,,", "s50000006,Normal.,,,"]
    table.write_text("\n".join(lines))
    assert read(sources=[jpg, table, iv]).cohort.info.manifest_sha256 == from_zip
    without = read(sources=[jpg, iv])
    assert not without.cohort.has_reports
    assert any(note.startswith("No reports were given (mimic-cxr-reports.zip") for note in without.notes)


def test_sections_beyond_the_usual(read: Callable[..., ImportReport]) -> None:
    texts = read("sections=findings+impression,last_paragraph").cohort.table.set_index("image_id")["report"]
    assert texts["d0"] == "The lungs are clear.\n\nNo acute process."
    assert texts["d3"] == "PA and lateral. No effusion."


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
    table: str, old: str, new: str, message: str, read: Callable[..., ImportReport], jpg: Path, tmp_path: Path
) -> None:
    text = {"metadata": METADATA, "split": SPLIT, "chexpert": CHEXPERT}[table]
    assert re.search(old, text)
    text = re.sub(old, new, text, count=0 if old.startswith("(?m)") else 1)
    _gzip(jpg / f"mimic-cxr-2.0.0-{table}.csv.gz", text)
    with pytest.raises(AdfairError, match=re.escape(message)):
        read()
    assert not (tmp_path / "out").exists()


def test_races_that_are_in_no_table(read: Callable[..., ImportReport], iv: Path) -> None:
    text = ADMISSIONS.replace("PORTUGUESE", "MARTIAN").replace("12:35", "12:36")
    _gzip(iv / "hosp/admissions.csv.gz", text)
    with pytest.raises(
        AdfairError, match=r"admissions.csv.gz, column 'race': 1 different .*'MARTIAN' \(1 rows\)"
    ):
        read()
    _gzip(iv / "hosp/admissions.csv.gz", ADMISSIONS.replace("race", "colour"))
    with pytest.raises(AdfairError, match=r"lacks the column race \(MIMIC-IV 2.0 and later\) or ethnicity"):
        read()


def test_missing_parts_are_named(read: Callable[..., ImportReport], jpg: Path, iv: Path) -> None:
    with pytest.raises(
        AdfairError,
        match=r"no patients of MIMIC-IV: expected patients\.csv, found mimic-cxr-2\.0\.0-chexpert.*and 1 other files and folders",
    ):
        read(sources=[jpg])
    with pytest.raises(
        AdfairError, match=r"no metadata of MIMIC-CXR-JPG: expected mimic-cxr-2\.0\.0-metadata"
    ):
        read(sources=[iv])
    with pytest.raises(AdfairError, match=r"no test labels of MIMIC-CXR-JPG 2\.1\.0: expected"):
        read("labels=radiologist")


def test_a_gzip_file_that_ends_early(read: Callable[..., ImportReport], jpg: Path) -> None:
    file = jpg / "mimic-cxr-2.0.0-metadata.csv.gz"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(AdfairError, match="the gzip stream is damaged or ends early"):
        read()


def test_hostile_reports(
    read: Callable[..., ImportReport], jpg: Path, iv: Path, reports: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(reports) as archive:
        archive.extractall(tmp_path / "tree")
    reports.write_bytes(reports.read_bytes()[:-40])
    with pytest.raises(AdfairError, match=r"mimic-cxr-reports\.zip: damaged, or ends early"):
        read()
    text = tmp_path / "tree/files/p10/p10000032/s50414267.txt"
    text.write_bytes(b"IMPRESSION: \xff\xfe")
    with pytest.raises(AdfairError, match=r"s50414267\.txt is no report: not UTF-8"):
        read(sources=[jpg, iv, tmp_path / "tree"])
    text.unlink()
    text.symlink_to(jpg / "mimic-cxr-2.0.0-split.csv.gz")
    with pytest.raises(AdfairError, match=r"s50414267\.txt is no report: .* link out of the folder"):
        read(sources=[jpg, iv, tmp_path / "tree"])


def test_missing_and_stray_images(read: Callable[..., ImportReport], jpg: Path) -> None:
    study = jpg / "files/p10/p10000032/s50414267"
    shutil.move(study / "d0.jpg", study / "unlisted.jpg")
    with pytest.raises(AdfairError, match="row 1, column 'image_path': no such image file"):
        read()
    report = read("missing=drop")
    assert report.flow["rule"].tolist()[2] == "the image file is there"
    assert report.cohort.table["image_id"].tolist() == ["d2", "d5", "d6"]


def test_two_sexes_cannot_be_for_they_come_from_one_row(read: Callable[..., ImportReport], iv: Path) -> None:
    _gzip(iv / "hosp/patients.csv.gz", PATIENTS + "10000032,M,52,2180,x,\n")
    with pytest.raises(
        AdfairError, match=r"row 5, column 'subject_id': this subject_id is listed in an earlier"
    ):
        read()


def _spoil(file: Path, old: str, new: str) -> None:
    text = gzip.decompress(file.read_bytes()).decode()
    assert old in text
    _gzip(file, text.replace(old, new))


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("iv/hosp/patients.csv.gz", "10000764,M,86", "10000764,M,>89"),
        ("jpg/mimic-cxr-2.0.0-metadata.csv.gz", "21321015", "15/10/32"),
    ],
)
def test_an_age_that_cannot_be_counted_is_no_empty_one(
    table: str, old: str, new: str, read: Callable[..., ImportReport], tmp_path: Path
) -> None:
    _spoil(tmp_path / table, old, new)
    assert "2 ages were none and are set to unknown." in read("conflicting=first").notes
    with pytest.raises(AdfairError, match=r"row 4, column 'age': not an age .*\(also row 6\)"):
        read("conflicting=first", "invalid_age=refuse")


def test_admissions_without_a_time_come_last_and_other_times_are_refused(
    read: Callable[..., ImportReport], iv: Path
) -> None:
    file = iv / "hosp/admissions.csv.gz"
    _spoil(file, "10000898,4,2188-01-01 00:00:00", "10000898,4,")
    table = read("conflicting=first", "views=all").cohort.table.set_index("image_id")
    assert table["race"]["d4"] == "White"
    _spoil(file, "2180-05-06 22:23:00", "6/5/2180 22:23")
    with pytest.raises(AdfairError, match="row 2, column 'admittime': not a time such as"):
        read("conflicting=first")


def test_ids_written_in_another_way_are_not_people_without_admissions(
    read: Callable[..., ImportReport], iv: Path
) -> None:
    _gzip(iv / "hosp/admissions.csv.gz", re.sub(r"(?m)^(\d+),", r".0,", ADMISSIONS))
    with pytest.raises(
        AdfairError, match=r"admissions\.csv\.gz: none of its patients is among those of mimic"
    ):
        read()


def test_a_study_of_two_patients_is_refused(read: Callable[..., ImportReport], jpg: Path) -> None:
    _spoil(jpg / "mimic-cxr-2.0.0-metadata.csv.gz", "d5,11000000,50000005", "d5,11000000,50771383")
    with pytest.raises(
        AdfairError, match="row 6, column 'study_id': the study belongs to another patient in an ear"
    ):
        read()


def test_an_image_name_too_long_for_a_disk_is_a_missing_file(
    read: Callable[..., ImportReport], jpg: Path
) -> None:
    for name in ("metadata", "split"):
        _spoil(jpg / f"mimic-cxr-2.0.0-{name}.csv.gz", "d5,", f"{'d' * 300},")
    with pytest.raises(AdfairError, match="row 6, column 'image_path': no such image file"):
        read()


def test_a_damaged_metadata_table_and_another_archive_of_reports(
    read: Callable[..., ImportReport], jpg: Path, reports: Path
) -> None:
    with zipfile.ZipFile(reports, "w") as archive:
        archive.writestr("files/p99/p99999999/s99999999.txt", "IMPRESSION: another study")
    with pytest.raises(
        AdfairError, match=r"reports\.zip: holds no report of the studies.*files/p10/p10000032/s50414"
    ):
        read()
