"""CheXpert 2019 on a look-alike tree, with and without CHEXPERT DEMO, and hostile versions of it."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers import ImportReport, get_reader
from adfair.data.readers.chexpert_labels import FINDINGS
from adfair.errors import AdfairError, ConfigError

HEADER = "Path,Sex,Age,Frontal/Lateral,AP/PA," + ",".join(FINDINGS)
EDEMA = ["1.0", "-1.0", "", "0.0"]
TRAIN = [
    ("patient00001/study1/view1_frontal.jpg", "Female", "68", "Frontal", "AP"),
    ("patient00002/study1/view1_frontal.jpg", "Male", "7", "Frontal", "PA"),
    ("patient00002/study1/view2_lateral.jpg", "Male", "7", "Lateral", ""),
]
VALID = ("patient64541/study1/view1_frontal.jpg", "Unknown", "90", "Frontal", "LL")
DEMO = [
    ("PATIENT", "GENDER", "AGE_AT_CXR", "PRIMARY_RACE", "ETHNICITY"),
    ("patient00001", "Female", "68", "Asian - Historical Conv", "Not Hispanic"),
    ("patient00002", "Male", "7", "Other, Hispanic", "Hispanic/Latino"),
    ("patient99999", "Male", "7", "Not listed anywhere", "x"),
]


def _line(image: tuple[str, ...], split: str, edema: str) -> str:
    labels = [edema if name == "Edema" else "" for name in FINDINGS]
    return ",".join([f"CheXpert-v1.0-small/{split}/{image[0]}", *image[1:], *labels])


def _workbook(path: Path, rows: list[tuple[str, ...]]) -> None:
    """A workbook with shared strings in the first column and inline strings elsewhere."""
    shared = "".join(f"<si><r><t>{row[0][:3]}</t></r><r><t>{row[0][3:]}</t></r></si>" for row in rows)
    lines = []
    for i, row in enumerate(rows):
        cells = f'<c r="A{i + 1}" t="s"><v>{i}</v></c>'
        cells += "".join(
            f'<c r="{"ABCDE"[k]}{i + 1}" t="inlineStr"><is><t>{cell}</t></is></c>'
            for k, cell in enumerate(row)
            if k
        )
        lines.append(f"<row>{cells}</row>")
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", f"<sst {main}>{shared}</sst>")
        sheet = f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>"
        archive.writestr("xl/worksheets/sheet1.xml", sheet)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "CheXpert-v1.0-small"
    images = [f"train/{image[0]}" for image in TRAIN] + [f"valid/{VALID[0]}"]
    for path in images:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(root / path)
    lines = [_line(image, "train", edema) for image, edema in zip(TRAIN, EDEMA, strict=False)]
    (root / "train.csv").write_text("\n".join([HEADER, *lines, ""]))
    (root / "valid.csv").write_text("\n".join([HEADER, _line(VALID, "valid", EDEMA[3]), ""]))
    _workbook(tmp_path / "CHEXPERT DEMO.xlsx", DEMO)
    return root


def _import(sources: list[Path], tmp_path: Path, *options: str) -> ImportReport:
    return get_reader("chexpert").read(sources, out=tmp_path / "out", options=options, force=True)


def test_the_exact_cohort(tree: Path, tmp_path: Path) -> None:
    report = _import([tree], tmp_path, "views=all")
    table = load_cohort(tmp_path / "out", check_images=True).table
    paths = [f"train/{image[0]}" for image in TRAIN] + [f"valid/{VALID[0]}"]
    assert table["image_path"].tolist() == paths
    assert table["image_id"].tolist() == [path.removesuffix(".jpg") for path in paths]
    assert table["patient_id"].tolist() == ["patient00001", "patient00002", "patient00002", "patient64541"]
    assert table["view"].tolist() == ["AP", "PA", "lateral", "frontal"]
    assert table["sex"].tolist() == ["F", "M", "M", "Unknown"]
    assert table["race"].tolist() == ["Asian", "Other", "Other", "Unknown"]
    assert table["split"].tolist() == ["train", "train", "train", "val"]
    np.testing.assert_array_equal(table["age"], [68, 7, 7, 90])
    np.testing.assert_array_equal(table["Edema"], [1, -1, np.nan, 0])
    assert not report.cohort.has_reports
    assert report.notes[-1] == "No reports: sentences are made from the labels."
    assert _import([tree], tmp_path).flow["images"].tolist() == [4, 3]


def test_the_workbook_may_be_given_by_name_or_as_csv(tree: Path, tmp_path: Path) -> None:
    book = tmp_path / "CHEXPERT DEMO.xlsx"
    (tmp_path / "other").mkdir()
    elsewhere = book.rename(tmp_path / "other/CHEXPERT DEMO.xlsx")
    with_book = _import([tree, elsewhere], tmp_path)
    assert with_book.cohort.table["race"].tolist() == ["Asian", "Other", "Unknown"]
    demo = tmp_path / "CHEXPERT DEMO.csv"
    demo.write_text("\n".join(",".join(f'"{cell}"' for cell in row) for row in DEMO))
    assert (
        _import([tree, demo], tmp_path).cohort.info.manifest_sha256 == with_book.cohort.info.manifest_sha256
    )
    groups = with_book.groups.set_index(["attribute", "raw"])
    assert groups.loc[("race", "Other, Hispanic"), ["group", "images", "patients"]].tolist() == [
        "Other",
        2,
        1,
    ]
    assert "Not listed anywhere" not in groups.index.get_level_values("raw")


def test_without_it_there_is_no_race_and_this_is_said(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "CHEXPERT DEMO.xlsx").unlink()
    report = _import([tree], tmp_path)
    assert report.cohort.info.attributes == {"sex": ["F", "M"]}
    assert "No table of demographics (CHEXPERT DEMO.xlsx) was given: no race." in report.notes
    with pytest.raises(ConfigError, match="chexpert says nothing of 'race'; it has sex"):
        _import([tree], tmp_path, "attributes=race,sex")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Frontal/Lateral", "View", r"lacks the columns Frontal/Lateral; expected Path, Sex, Age, Frontal"),
        ("patient00001/study1", "patient00001/study7", "row 1, column 'image_path': no such image file"),
        (
            "study1/view2_lateral",
            "study1/view1_frontal",
            "row 3, column 'image_id': this image is listed in an",
        ),
        (
            "small/train/patient00001",
            "small/../x/patient00001",
            "row 1, column 'image_path': the path leads out",
        ),
        (",-1.0,", ",maybe,", "row 2, column 'Edema': the cell is no label"),
        ("Female", "Girl", r"column 'sex': 1 different texts .* 'Girl' \(1 rows\)"),
    ],
)
def test_a_hostile_table_is_refused(old: str, new: str, message: str, tree: Path, tmp_path: Path) -> None:
    file = tree / "train.csv"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(AdfairError, match=message):
        _import([tree], tmp_path, "views=all")
    assert not (tmp_path / "out").exists()


def test_a_damaged_workbook_is_refused(tree: Path, tmp_path: Path) -> None:
    book = tmp_path / "CHEXPERT DEMO.xlsx"
    _workbook(book, [("PATIENT", "RACE"), ("patient00001", "Asian")])
    with pytest.raises(AdfairError, match="lacks the columns PRIMARY_RACE, ETHNICITY; found PATIENT, RACE"):
        _import([tree], tmp_path)
    book.write_bytes(book.read_bytes()[:-30])
    with pytest.raises(AdfairError, match=r"DEMO\.xlsx: not an \.xlsx workbook, or a damaged one\. Save"):
        _import([tree], tmp_path)


def test_a_folder_without_the_table_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/other.csv").write_text("a\n")
    with pytest.raises(
        AdfairError, match=r"no training table of CheXpert: expected train\.csv, found other\.csv"
    ):
        _import([tmp_path / "in"], tmp_path)


def _with_test_set(tree: Path) -> Path:
    """The official test set beside the training images: three studies, one with two views, one without files."""
    rows = {"patient64741": "1", "patient64742": "0", "patient64743": "0"}
    lines = ["Study," + ",".join(FINDINGS)]
    for patient, edema in rows.items():
        labels = [edema if name == "Edema" else "0" for name in FINDINGS]
        lines.append(",".join([f"CheXpert-v1.0/test/{patient}/study1", *labels]))
    (tree / "groundtruth.csv").write_text("\n".join(lines))
    names = ("patient64741/study1/view1_frontal.jpg", "patient64741/study1/view2_lateral.jpg")
    for name in (*names, "patient64742/study1/view1_frontal.jpg", "patient64742/study1/notes.jpg"):
        (tree / "test" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(tree / "test" / name)
    return tree / "groundtruth.csv"


def test_the_official_test_set(tree: Path, tmp_path: Path) -> None:
    _with_test_set(tree)
    _workbook(tmp_path / "CHEXPERT DEMO.xlsx", [*DEMO, ("patient64742", "Female", "50", "White", "Unknown")])
    with pytest.raises(AdfairError, match="column 'image_path': no such image file"):
        _import([tree], tmp_path)
    report = _import([tree], tmp_path, "views=all", "missing=drop")
    table = report.cohort.split("test")
    assert table["image_id"].tolist() == [
        "test/patient64741/study1/view1_frontal",
        "test/patient64741/study1/view2_lateral",
        "test/patient64742/study1/view1_frontal",
    ]
    assert table["view"].tolist() == ["frontal", "lateral", "frontal"]
    assert table["Edema"].tolist() == [1, 1, 0]
    assert table["sex"].tolist() == ["Unknown", "Unknown", "F"]
    assert table["race"].tolist() == ["Unknown", "Unknown", "White"]
    assert table["age"].isna().all()
    assert report.flow.iloc[0, 0] == "rows of train.csv + valid.csv + groundtruth.csv"
    assert "3 of 6 patients are not in CHEXPERT DEMO.xlsx: race unknown." in report.notes


def test_the_test_set_alone(tree: Path, tmp_path: Path) -> None:
    _with_test_set(tree)
    for name in ("train.csv", "valid.csv"):
        (tree / name).unlink()
    (tmp_path / "CHEXPERT DEMO.xlsx").unlink()
    tree.rename(tmp_path / "CheXpert")
    report = _import([tmp_path], tmp_path, "missing=drop")
    assert report.cohort.table["split"].tolist() == ["test", "test"]
    assert report.cohort.image_root == (tmp_path / "CheXpert").resolve()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Study,", "study,", "lacks the columns Study; expected Study"),
        ("/patient64742/", "/patient64741/", "row 2, column 'Study': this study is listed in an earlier row"),
        ("CheXpert-v1.0/test/patient64742", "../patient64742", "row 2, column 'Study': no path of a study"),
        ("test/patient64742/study1", "test/64742", "row 2, column 'Study': no path of a study"),
        ("/patient64741/", "/patient00001/", "in split 'test' and also in 'train'"),
    ],
)
def test_a_hostile_test_set_is_refused(old: str, new: str, message: str, tree: Path, tmp_path: Path) -> None:
    file = _with_test_set(tree)
    file.write_text(file.read_text().replace(old, new))
    (tree / "test/patient00001").mkdir()
    (tree / "test/patient64741/study1").rename(tree / "test/patient00001/study1")
    with pytest.raises(AdfairError, match=message):
        _import([tree], tmp_path, "missing=drop")


def test_demographics_of_other_patients_are_refused(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "CHEXPERT DEMO.xlsx").unlink()
    (tmp_path / "CHEXPERT DEMO.csv").write_text(f"{','.join(DEMO[0])}\n00001,Female,68,White,Unknown\n")
    with pytest.raises(AdfairError, match=r"DEMO\.csv: none of its patients is among those of train"):
        _import([tree], tmp_path)


def test_patients_without_demographics_are_counted(tree: Path, tmp_path: Path) -> None:
    report = _import([tree], tmp_path)
    assert "1 of 3 patients are not in CHEXPERT DEMO.xlsx: race unknown." in report.notes


@pytest.mark.filterwarnings("error")
def test_where_nobody_has_a_known_race_all_are_unknown(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "CHEXPERT DEMO.xlsx").unlink()
    (tmp_path / "CHEXPERT DEMO.csv").write_text(f"{','.join(DEMO[0])}\npatient00001,Female,68,,\n")
    assert set(_import([tree], tmp_path).cohort.table["race"]) == {"Unknown"}
