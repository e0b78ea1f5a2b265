"""The NIH reader: an exact cohort of a tree like the archive, hostile versions of it, and the real table."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers import get_reader
from adfair.data.readers.nih import find
from adfair.data.readers.options import ReadOptions
from adfair.errors import DataError

# The header as published: two names hold a comma, so each of them counts as two columns.
HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
ROWS = [
    "00000001_000.png,Cardiomegaly,0,1,058Y,M,PA,2682,2749,0.143,0.143",
    "00000001_001.png,Cardiomegaly|Emphysema,1,1,58,M,AP,2894,2729,0.143,0.143",
    "00000002_000.png,No Finding,0,2,414,F,PA,2500,2048,0.168,0.168",
    "00000003_000.png,Effusion|Pleural_Thickening,0,3,7,F,PA,2582,2991,0.143,0.143",
]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The archive as downloaded: images_001/images ... and the table beside them."""
    folder = tmp_path / "nih"
    for i, row in enumerate(ROWS):
        place = folder / f"images_{i % 2 + 1:03d}/images"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(place / row.split(",")[0])
    _write(folder, [HEADER, *ROWS])
    return folder


def _write(folder: Path, lines: list[str]) -> None:
    (folder / "Data_Entry_2017_v2020.csv").write_text("\r\n".join(lines) + "\r\n")


def test_the_exact_cohort(archive: Path, tmp_path: Path) -> None:
    (archive / "train_val_list.txt").write_text("00000001_000.png\r\n00000001_001.png\n00000002_000.png")
    (archive / "test_list.txt").write_text("00000003_000.png\n")
    report = get_reader("nih").read(archive, out=tmp_path / "out")
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_id"].tolist() == ["00000001_000", "00000001_001", "00000002_000", "00000003_000"]
    assert table["image_path"].str.startswith(("images_001/images/", "images_002/images/")).all()
    assert table["patient_id"].tolist() == ["1", "1", "2", "3"]
    assert table["study_id"].tolist() == ["1-0", "1-1", "2-0", "3-0"]
    assert table["view"].tolist() == ["PA", "AP", "PA", "PA"]
    np.testing.assert_array_equal(table["age"], [58, 58, np.nan, 7])
    assert table["sex"].tolist() == ["M", "M", "F", "F"]
    assert table["split"].tolist() == ["train", "train", "train", "test"]
    findings = report.cohort.info.findings
    assert len(findings) == 15
    positive = [[name for name in findings if row[name] == 1] for _, row in table.iterrows()]
    assert positive == [
        ["Cardiomegaly"],
        ["Cardiomegaly", "Emphysema"],
        ["No Finding"],
        ["Pleural Effusion", "Pleural Thickening"],
    ]
    assert table[findings].isin([0, 1]).all(axis=None)
    assert report.flow.iloc[0].tolist() == ["rows of the table", 0, 4, 3]


def test_without_both_lists_patients_are_split_by_seed(archive: Path, tmp_path: Path) -> None:
    (archive / "test_list.txt").write_text("00000003_000.png\n")
    assert find([archive], ReadOptions()).rows["split"].eq("").all()


def test_the_releases_with_other_headers(archive: Path) -> None:
    # The first release ends its header and rows with a comma; a later one says 'Patient Sex'.
    _write(archive, [HEADER.replace("Gender", "Sex") + ",", *(row + "," for row in ROWS)])
    assert find([archive], ReadOptions()).rows["raw:sex"].tolist() == ["M", "M", "F", "F"]


def test_own_findings(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("findings: {Heart: [Cardiomegaly], Other: [Effusion, Emphysema]}")
    found = find([archive], ReadOptions(maps={"labels": tmp_path / "own.yaml"}))
    assert found.findings == ["Heart", "Other"]
    assert found.rows["Other"].tolist() == ["0", "1", "0", "1"]


def _lists(train: str, test: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "train_val_list.txt").write_text(train)
        (folder / "test_list.txt").write_text(test)

    return write


def _swap(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: _write(folder, [line.replace(old, new) for line in [HEADER, *ROWS]])


def _list_bytes(data: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "train_val_list.txt").write_text("")
        (folder / "test_list.txt").write_bytes(data)

    return write


ALL = "00000001_000.png 00000001_001.png 00000002_000.png 00000003_000.png"
HOSTILE = [
    (
        _swap("Patient ID", "patientId"),
        "no Patient ID; expected Image Index, .*found Image Index, .*patientId",
    ),
    (_swap("Patient Gender", "Gender"), "no Patient Gender; expected Patient Gender; found"),
    (
        _swap("Effusion|", "Fluid|"),
        "row 4, column 'Finding Labels': one of the names is none of the labels No Finding",
    ),
    (_swap("00000003_000", "../../x"), "row 4, column 'Image Index': not a bare file name"),
    (_swap("00000003_000", "00000004_000"), "row 4, .*no such image file"),
    (_swap("00000003_000", "00000002_000"), "row 4, .*this image is listed in an earlier row"),
    (_swap(",3,7,", ",,7,"), "row 4, column 'patient_id': the cell is empty"),
    (_lists(ALL, "00000003_000.png"), "row 4, .*in both lists"),
    (_swap("Effusion|", "Patient A B|"), "row 4, .*: one of the names is none of the labels"),
    (_swap("No Finding", "no finding"), "row 3, .*'no finding' is none of the labels"),
    (_swap("No Finding", "No Finding|Edema"), "row 3, column 'Finding Labels': No Finding beside a finding"),
    (_list_bytes("00000001_000.png".encode("utf-16")), r"test_list\.txt: cannot be read as UTF-8 text"),
    (_lists(ALL[:-17], ""), "row 4, .*in neither list"),
    (_lists(ALL[17:], "00000001_000.png"), "row 2, column 'patient_id': the patient of this row is in split"),
]


@pytest.mark.parametrize(("spoil", "message"), HOSTILE)
def test_hostile_archives(archive: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(archive)
    with pytest.raises(DataError, match=message):
        get_reader("nih").read(archive, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_sexes_and_files_without_rows_are_counted(archive: Path, tmp_path: Path) -> None:
    _write(archive, [HEADER, ROWS[0], ROWS[1].replace(",M,", ",F,"), *ROWS[2:3]])
    report = get_reader("nih").read(archive, out=tmp_path / "out", options=["split=seeded"])
    assert report.cohort.table["patient_id"].tolist() == ["2"]
    notes = " ".join(report.notes)
    assert "1 patients have two known groups of sex" in notes
    assert "1 image files beside those of the table have no row" in notes
    assert "1 ages were none" in notes


def test_rows_without_files_can_be_left_out(archive: Path, tmp_path: Path) -> None:
    next(archive.rglob("00000003_000.png")).unlink()
    report = get_reader("nih").read(archive, out=tmp_path / "out", options=["missing=drop"])
    assert report.flow.iloc[-1].tolist() == ["the image file is there", 1, 3, 2]


def test_the_real_table() -> None:
    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or spec.origin is None:
        pytest.skip("the table comes with torchxrayvision (dev extra)")
    found = find([Path(spec.origin).parent / "data/Data_Entry_2017_v2020.csv.gz"], ReadOptions())
    assert len(found.rows) == found.rows["image_id"].nunique() == 112_120
    assert found.flow.table().iloc[0].tolist() == ["rows of the table", 0, 112_120, 30_805]
    assert found.rows["raw:sex"].value_counts().to_dict() == {"M": 63_340, "F": 48_780}
    assert found.rows["raw:view"].value_counts().to_dict() == {"PA": 67_310, "AP": 44_810}
    # Counted from the file by other means: zcat | cut -d, -f2 | tr '|' '\n' | sort | uniq -c
    expected = {"No Finding": 60_361, "Infiltration": 19_894, "Pleural Effusion": 13_317, "Hernia": 227}
    assert {name: int(found.rows[name].eq("1").sum()) for name in expected} == expected


def test_one_published_list_alone_gives_no_split_and_this_is_said(archive: Path, tmp_path: Path) -> None:
    (archive / "test_list.txt").write_text("00000003_000.png\n")
    report = get_reader("nih").read(archive, out=tmp_path / "out")
    assert "train_val_list.txt is not beside the table: the published split is not used." in report.notes


def test_a_view_in_another_case_is_the_same_view(archive: Path, tmp_path: Path) -> None:
    _swap(",7,F,PA", ",7,F,pa")(archive)
    table = get_reader("nih").read(archive, out=tmp_path / "out").cohort.table
    assert table["view"].tolist() == ["PA", "AP", "PA", "PA"]
