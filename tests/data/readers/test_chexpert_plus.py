"""CheXpert Plus on a look-alike tree: the exact cohort, its options, and hostile versions of the tree."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers import ImportReport, get_reader
from adfair.data.readers.chexpert_labels import FINDINGS
from adfair.errors import AdfairError, ConfigError

HEADER = [
    "path_to_image", "path_to_dcm", "frontal_lateral", "ap_pa", "deid_patient_id",
    "patient_report_date_order", "report", "section_narrative", "section_clinical_history",
    "section_history", "section_comparison", "section_technique", "section_procedure_comments",
    "section_findings", "section_impression", "section_end_of_impression", "section_summary",
    "section_accession_number", "age", "sex", "race", "ethnicity", "interpreter_needed", "insurance_type",
    "recent_bmi", "deceased", "split",
]  # fmt: skip
# path, frontal_lateral, ap_pa, impression, findings, age, sex, race, ethnicity, split
IMAGES = [
    ("train/patient1/study1/view1_frontal", "Frontal", "AP", "wet", "fluid", "61", "Male", "White, Hispanic",
     "Hispanic/Latino", "train"),
    ("train/patient1/study1/view2_lateral", "Lateral", "", "wet!", "fluid", "61", "Male", "White, Hispanic",
     "Hispanic/Latino", "train"),
    ("train/patient1/study2/view1_frontal", "Frontal", "PA", "dry", "", "62", "Male", "White", "Unknown", "train"),
    ("train/patient2/study1/view1_frontal", "Frontal", "", "big heart, small lung", "", "414", "Female",
     "Black or African American", "Non-Hispanic/Non-Latino", "train"),
    ("valid/patient3/study1/view1_frontal", "Frontal", "LL", "clear", "clear", "30", "Female", "Patient Refused",
     "Patient Refused", "valid"),
]  # fmt: skip


def _label(path: str, **labels: float) -> str:
    return json.dumps({"path_to_image": f"{path}.jpg"} | dict.fromkeys(FINDINGS) | labels)


def _rows() -> list[dict[str, str]]:
    rows = []
    for path, side, ap_pa, impression, findings, age, sex, race, ethnicity, split in IMAGES:
        row = dict.fromkeys(HEADER, "x") | {
            "path_to_image": f"{path}.jpg", "path_to_dcm": f"{path}.dcm", "frontal_lateral": side, "ap_pa": ap_pa,
            "deid_patient_id": path.split("/")[1], "section_impression": impression, "section_findings": findings,
            "age": age, "sex": sex, "race": race, "ethnicity": ethnicity, "split": split,
        }  # fmt: skip
        rows.append(row)
    return rows


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "plus"
    (root / "chexbert_labels").mkdir(parents=True)
    pd.DataFrame(_rows(), columns=HEADER).to_csv(root / "df_chexpert_plus_240401.csv", index=False)
    values: list[dict[str, float]] = [{"Edema": 1.0}, {"Edema": 1.0}, {"Edema": 0.0}, {"Edema": -1.0}, {}]
    lines = [_label(image[0], **each) for image, each in zip(IMAGES, values, strict=True)]
    (root / "chexbert_labels/impression_fixed.json").write_text("\n".join(lines))
    degenerate = [_label(image[0], **{"No Finding": 1.0}) for image in IMAGES]
    (root / "chexbert_labels/findings_fixed.json").write_text("\n".join(degenerate))
    for image in IMAGES:
        path = root / "PNG/PNG" / f"{image[0]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(path)
    return root


def _import(tree: Path, tmp_path: Path, *options: str) -> ImportReport:
    return get_reader("chexpert-plus").read(tree, out=tmp_path / "out", options=options, force=True)


def _column(report: ImportReport, name: str) -> list[Any]:
    return report.cohort.table[name].tolist()


def test_the_exact_cohort(tree: Path, tmp_path: Path) -> None:
    report = _import(tree, tmp_path)
    cohort = load_cohort(tmp_path / "out", check_images=True)
    assert _column(report, "image_id") == [image[0] for i, image in enumerate(IMAGES) if i != 1]
    assert _column(report, "patient_id") == ["patient1", "patient1", "patient2", "patient3"]
    assert _column(report, "study_id")[:2] == ["patient1/study1", "patient1/study2"]
    assert _column(report, "view") == ["AP", "PA", "frontal", "frontal"]
    assert _column(report, "report") == ["wet", "dry", "big heart, small lung", "clear"]
    assert _column(report, "race") == ["White", "White", "Black", "Unknown"]
    assert _column(report, "sex") == ["M", "M", "F", "F"]
    assert _column(report, "split") == ["train", "train", "train", "val"]
    np.testing.assert_array_equal(cohort.table["age"], [61, 62, np.nan, 30])
    np.testing.assert_array_equal(cohort.table["Edema"], [1, 0, -1, np.nan])
    assert cohort.info.findings == FINDINGS
    assert cohort.image_root == (tree / "PNG/PNG").resolve()
    assert report.flow.to_numpy().tolist() == [
        ["rows of df_chexpert_plus_240401.csv", 0, 5, 3],
        ["the view is AP or PA or frontal", 1, 4, 3],
    ]
    assert report.notes == [
        "Labels: CheXbert on impression.",
        "1 studies have images with differing text or labels; those of its first one with the impression count.",
        "1 ages were none and are set to unknown.",
        "No image is in split test; --set split=seeded draws all three.",
    ]


def test_every_raw_text_is_counted(tree: Path, tmp_path: Path) -> None:
    groups = _import(tree, tmp_path).groups
    counted = groups.set_index(["attribute", "raw"])[["group", "images", "patients"]].T.to_dict("list")
    assert counted[("race", "White, Hispanic")] == ["White", 2, 1]
    assert counted[("race", "Patient Refused")] == ["Unknown", 1, 1]
    assert counted[("ethnicity", "Hispanic/Latino")] == ["Hispanic", 2, 1]
    assert counted[("sex", "Female")] == ["F", 2, 2]


def test_hispanic_patients_as_a_group(tree: Path, tmp_path: Path) -> None:
    report = _import(tree, tmp_path, "hispanic=own")
    assert _column(report, "race") == ["Hispanic", "Hispanic", "Black", "Unknown"]


def test_images_of_a_study_have_the_text_of_the_first(tree: Path, tmp_path: Path) -> None:
    assert _column(_import(tree, tmp_path, "views=all"), "report")[:2] == ["wet", "wet"]


def test_a_first_image_without_the_section_does_not_lose_the_study(tree: Path, tmp_path: Path) -> None:
    file = tree / "df_chexpert_plus_240401.csv"
    # The labeller answers No Finding to an empty section: those are not the labels of the second image's text.
    file.write_text(file.read_text().replace(",wet,", ",,", 1))
    unlike = _label(IMAGES[0][0], **{"No Finding": 1.0})
    _relabel(tree, lambda text: "\n".join([unlike, *text.splitlines()[1:]]))
    report = _import(tree, tmp_path, "views=all")
    assert _column(report, "report")[:2] == ["wet!", "wet!"]
    np.testing.assert_array_equal(_column(report, "Edema")[:2], [1, 1])
    np.testing.assert_array_equal(_column(report, "No Finding")[:2], [np.nan, np.nan])
    assert "1 studies have images with differing text or labels" in report.notes[1]


def test_text_and_labels_of_a_study_are_of_one_image(tree: Path, tmp_path: Path) -> None:
    _relabel(tree, lambda text: "\n".join(text.splitlines()[1:]))
    report = _import(tree, tmp_path, "views=all")
    # The first image has a text and no line of labels.
    assert _column(report, "report")[:2] == ["wet!", "wet!"]
    np.testing.assert_array_equal(_column(report, "Edema")[:2], [1, 1])


def test_where_no_image_has_the_section_the_one_with_most_text_counts(tree: Path, tmp_path: Path) -> None:
    file = tree / "df_chexpert_plus_240401.csv"
    emptied = file.read_text().replace(",wet,", ",,").replace(",wet!,", ",,")
    file.write_text(emptied.replace(",fluid,", ",,", 1))
    assert _column(_import(tree, tmp_path, "views=all"), "report")[:2] == ["fluid", "fluid"]


def test_labels_of_the_findings_section_are_empty_where_there_is_none(tree: Path, tmp_path: Path) -> None:
    report = _import(tree, tmp_path, "labels=findings", "sections=findings", "no_text=labels")
    np.testing.assert_array_equal(report.cohort.table["No Finding"], [1, np.nan, np.nan, 1])
    with pytest.raises(ConfigError, match="labels=chexpert: the reader 'chexpert-plus' has impression"):
        _import(tree, tmp_path, "labels=chexpert")


def test_dicom_files_go_by_their_own_column(tree: Path, tmp_path: Path) -> None:
    (tree / "PNG").rename(tree / "DICOM")
    (tree / "DICOM/PNG").rename(tree / "DICOM/DICOM")
    for path in (tree / "DICOM").rglob("*.png"):
        path.rename(path.with_suffix(".dcm"))
    report = _import(tree, tmp_path)
    assert _column(report, "image_path")[0] == f"{IMAGES[0][0]}.dcm"
    assert report.cohort.image_root == (tree / "DICOM/DICOM").resolve()


def test_crlf_a_byte_order_mark_and_gzip_change_nothing(tree: Path, tmp_path: Path) -> None:
    plain = _import(tree, tmp_path).cohort.info.manifest_sha256
    file = tree / "df_chexpert_plus_240401.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    labels = tree / "chexbert_labels/impression_fixed.json"
    labels.write_bytes(labels.read_bytes().replace(b"\n", b"\r\n"))
    assert _import(tree, tmp_path).cohort.info.manifest_sha256 == plain
    pd.DataFrame(_rows(), columns=HEADER).to_csv(f"{file}.gz", index=False)
    file.unlink()
    assert _import(tree, tmp_path).cohort.info.manifest_sha256 == plain


HOSTILE: list[tuple[str, str, str]] = [
    ("path_to_image,", "path_to_picture,", "lacks the columns path_to_image; expected path_to_image, frontal"),
    ("patient2/study1/view1", "patient1/study2/view1", "row 4, column 'image_id': this image is listed in an e"),
    ("patient2/study1/view1", "../../study1/view1", "row 4, column 'image_id': the cell is empty, or no id"),
    ("patient3/study1/view1_frontal.jpg", "patient3/study9/x.jpg", "row 5, column 'image_path': no such image"),
    ("30,Female", "30,Femail", "column 'sex': 1 different texts are in no table of groups: 'Femail' (1 rows)"),
    ("Black or African American", "Martian", "column 'race': 1 different texts are in no table of groups: 'Mar"),
    (",valid\n", ",test\n", "row 5, column 'split': unknown split 'test'; expected train, valid"),
    (",valid\n", ",train,valid\n", "row 5: 28 cells where the header has 27"),
    ("wet,", '"wet,', "not a well-formed CSV table"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), HOSTILE)
def test_a_hostile_table_is_refused_and_nothing_is_written(
    old: str, new: str, message: str, tree: Path, tmp_path: Path, unchanged: Callable[[], None]
) -> None:
    file = tree / "df_chexpert_plus_240401.csv"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    unchanged()
    with pytest.raises(AdfairError, match=re.escape(message)):
        _import(tree, tmp_path)
    unchanged()


def test_two_sexes_for_one_patient_are_dropped_and_counted(tree: Path, tmp_path: Path) -> None:
    file = tree / "df_chexpert_plus_240401.csv"
    file.write_text(file.read_text().replace("62,Male", "62,Female"))
    report = _import(tree, tmp_path)
    assert report.flow.iloc[-1].tolist() == ["the patient has one sex", 2, 2, 2]
    assert set(_column(_import(tree, tmp_path, "conflicting=most_frequent"), "sex")[:2]) == {"M"}


def test_damaged_files_are_refused(tree: Path, tmp_path: Path) -> None:
    file, labels = tree / "df_chexpert_plus_240401.csv", tree / "chexbert_labels/impression_fixed.json"
    good, good_labels = file.read_bytes(), labels.read_text()
    labels.write_text(good_labels.replace('"Edema": 0.0', '"Edma": 0.0'))
    with pytest.raises(
        AdfairError, match=r"impression_fixed\.json, row 3: expected an object .* found Atelec"
    ):
        _import(tree, tmp_path)
    labels.write_text(good_labels[:-9])
    with pytest.raises(AdfairError, match=r"row 5: expected an object .* found text that is no JSON object"):
        _import(tree, tmp_path)
    labels.write_text(good_labels + "\n" + good_labels.splitlines()[0])
    with pytest.raises(
        AdfairError, match="row 6, column 'path_to_image': this path_to_image is listed in an e"
    ):
        _import(tree, tmp_path)
    labels.unlink()
    with pytest.raises(
        AdfairError,
        match=r"no CheXbert labels: expected impression_fixed\.json, found .*and 2 other files and folders",
    ):
        _import(tree, tmp_path)
    labels.write_text(good_labels)
    file.write_bytes(good.decode().encode("utf-16"))
    with pytest.raises(AdfairError, match="the file is UTF-16 text"):
        _import(tree, tmp_path)
    file.write_bytes(good.replace(b"big heart", b"big h\xe4rt"))
    with pytest.raises(AdfairError, match="line 5 is not utf-8 text"):
        _import(tree, tmp_path)
    file.unlink()
    pd.DataFrame(_rows(), columns=HEADER).to_csv(f"{file}.gz", index=False)
    gz = Path(f"{file}.gz")
    gz.write_bytes(gz.read_bytes()[:-20])
    with pytest.raises(AdfairError, match="the gzip stream is damaged or ends early"):
        _import(tree, tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_link_out_and_a_folder_without_images(tree: Path, tmp_path: Path) -> None:
    image = tree / "PNG/PNG" / f"{IMAGES[3][0]}.png"
    image.unlink()
    image.symlink_to(tree / "df_chexpert_plus_240401.csv")
    with pytest.raises(
        AdfairError, match="row 4, column 'image_path': the path leads out of the image folder"
    ):
        _import(tree, tmp_path)
    (tree / "PNG").rename(tree / "elsewhere")
    with pytest.raises(AdfairError, match=r"row 1, .*: no image file: .*\(dcm, jpg, png\)"):
        _import(tree, tmp_path)


def _relabel(tree: Path, change: Callable[[str], str]) -> None:
    file = tree / "chexbert_labels/impression_fixed.json"
    file.write_text(change(file.read_text()))


def test_images_that_the_labels_do_not_list_are_counted(tree: Path, tmp_path: Path) -> None:
    _relabel(tree, lambda text: "\n".join(text.splitlines()[1:4]))
    report = _import(tree, tmp_path, "views=all")
    assert "2 of 5 images are not in impression_fixed.json." in report.notes
    # The first image of the first study has no line; its study's next image has one.
    np.testing.assert_array_equal(_column(report, "Edema"), [1, 1, 0, -1, np.nan])
    assert "1 studies have images with differing text" in report.notes[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "holds no labels"),
        (lambda text: "[" * 200_000, "row 1: expected an object .* found text that is no JSON object"),
        (
            lambda text: text.replace('"train/patient1/study1/view1_frontal.jpg"', '["x"]'),
            "row 1: expected an obj",
        ),
    ],
)
def test_label_files_that_are_none(
    change: Callable[[str], str], message: str, tree: Path, tmp_path: Path
) -> None:
    _relabel(tree, change)
    with pytest.raises(AdfairError, match=rf"impression_fixed\.json.*{message}"):
        _import(tree, tmp_path)


def test_an_unusual_line_separator_within_a_label_line(tree: Path, tmp_path: Path) -> None:
    plain = _import(tree, tmp_path).cohort.info.manifest_sha256
    _relabel(tree, lambda text: text.replace("}\n", ', "note": "a\u2028b"}\n'))
    assert _import(tree, tmp_path).cohort.info.manifest_sha256 == plain


def test_a_study_of_two_patients_is_refused(tree: Path, tmp_path: Path) -> None:
    file = tree / "df_chexpert_plus_240401.csv"
    lines = file.read_text().splitlines()
    lines[2] = lines[2].replace(",patient1,", ",patient9,")
    file.write_text("\n".join(lines))
    with pytest.raises(
        AdfairError, match="row 2, column 'study_id': the study belongs to another patient in an ear"
    ):
        _import(tree, tmp_path)


def test_a_file_name_too_long_for_a_disk_is_a_missing_file(tree: Path, tmp_path: Path) -> None:
    for path in ("train/patient1/study1/view1_frontal", "train/patient2/study1/view1_frontal"):
        file = tree / "df_chexpert_plus_240401.csv"
        good = file.read_text()
        file.write_text(good.replace(f"{path}.jpg", f"{path}{'x' * 300}.jpg"))
        with pytest.raises(AdfairError, match="column 'image_path': no such image file"):
            _import(tree, tmp_path)
        file.write_text(good)
