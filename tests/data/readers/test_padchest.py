"""The PadChest reader: an exact cohort of a look-alike tree, hostile versions, and the real table's labels."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adfair.data.images import read_image
from adfair.data.manifest import load_cohort
from adfair.data.readers import get_reader
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.padchest import TABLES, find
from adfair.errors import ConfigError, DataError

HEADER = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,ViewPosition_DICOM,"
    "Projection,MethodLabel,Report,Labels"
)
ROWS = [
    "0,a.png,0,20140915,s1,p1,1930.0,F,POSTEROANTERIOR,PA,Physician,sin hallazg .,['normal']",
    "1,b.png,0,20150914,s2,p2,1929.0,M,LATERAL,L,Physician,cambi .,\"['pulmonary edema', ' cardiomegaly', '']\"",
    "2,c.png,12,20150914,s3,p3,,O,nan,AP_horizontal,RNN_model,derram .,\"['hydropneumothorax', 'NSG tube']\"",
    "3,d.png,12,20150914,s4,p3,,None,nan,PA,RNN_model,sin cambi .,\"['unchanged', '']\"",
    "4,e.png,12,20160101,s5,p4,1950.0,M,PA,PA,Physician,x .,nan",
    '5,f.png,12,20160101,s6,p5,1950.0,F,PA,COSTAL,Physician,x .,"[""scoliosis"", \'callus rib fracture\']"',
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "padchest"
    for i, row in enumerate(ROWS):
        _, name, place = row.split(",")[:3]
        (folder / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 257 * 10 * i, dtype=np.uint16)).save(folder / place / name)
    _write(folder, [HEADER, *ROWS])
    return folder


def _write(folder: Path, lines: list[str]) -> None:
    (folder / TABLES[0]).write_text("\n".join(lines) + "\n")


def test_the_exact_cohort(tree: Path, tmp_path: Path) -> None:
    report = get_reader("padchest").read(tree, out=tmp_path / "out", options=["views=all"])
    cohort = load_cohort(tmp_path / "out", check_images=True)
    table = cohort.table
    assert table["image_path"].tolist() == ["0/a.png", "0/b.png", *(f"12/{x}.png" for x in "cdef")]
    assert table["patient_id"].tolist() == ["p1", "p2", "p3", "p3", "p4", "p5"]
    assert table["study_id"].tolist() == ["s1", "s2", "s3", "s4", "s5", "s6"]
    assert table["view"].tolist() == ["PA", "lateral", "AP", "PA", "PA", "other"]
    np.testing.assert_array_equal(table["age"], [84, 86, np.nan, np.nan, 66, 66])
    assert table["sex"].tolist() == ["F", "M", "Unknown", "Unknown", "M", "F"]
    findings = report.cohort.info.findings
    positive = [[name for name in findings if row[name] == 1] for _, row in table.iterrows()]
    assert positive == [
        ["No Finding"],
        ["Cardiomegaly", "Lung Opacity", "Edema"],
        ["Pneumothorax", "Pleural Effusion", "Support Devices"],
        [],
        [],
        ["Fracture"],
    ]
    unlabelled = table[findings].isna().all(axis=1)
    assert unlabelled.tolist() == [False, False, False, True, True, False]
    assert table["report"].eq("").all()
    assert "1 names of PadChest's vocabulary belong to none of the findings and are unused." in report.notes
    assert "2 images have no label that says anything; their findings are empty." in report.notes
    # 16 bits: a tenth of the range a row, and 257 levels to one of ours.
    assert [int(read_image(cohort.image_root / path).max()) for path in table["image_path"]] == [
        0, 10, 20, 30, 40, 50,
    ]  # fmt: skip


def test_frontal_images_and_labels_of_physicians(tree: Path, tmp_path: Path) -> None:
    options = ["labels=physician", "sections=report"]
    report = get_reader("padchest").read(tree, out=tmp_path / "out", options=options)
    table = report.cohort.table
    assert table["image_id"].tolist() == ["a", "c", "d", "e"]
    assert table["Pneumothorax"].isna().tolist() == [False, True, True, True]
    assert table["report"].tolist() == ["sin hallazg .", "derram .", "sin cambi .", "x ."]
    assert any("Spanish" in note for note in report.notes)
    with pytest.raises(ConfigError, match="labels=other: the reader 'padchest' has all, physician"):
        find([tree], ReadOptions(labels="other"))


def _swap(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: _write(folder, [line.replace(old, new) for line in [HEADER, *ROWS]])


def _cut(folder: Path) -> None:
    file = folder / "12/c.png"
    file.write_bytes(file.read_bytes()[:-15])


HOSTILE = [
    (_swap("Projection", "View"), "no Projection; expected ImageID, .*found ImageID, ImageDir"),
    (_swap("['normal']", "normal"), r"row 1, column 'Labels': not a list of labels"),
    (_swap("['normal']", "[__import__('os')]"), r"row 1, column 'Labels': not a list of labels"),
    (_swap("f.png", "e.png"), "row 6, .*this image is listed in an earlier row"),
    (_swap("f.png", "/f.png"), "row 6, column 'ImageID': not a bare file name"),
    (_swap("f.png", "g.png"), "row 6, .*no such image file"),
    (_cut, r"row 3, column 'ImageID': the image file ends early.*max_bad=0\.1%"),
    (_swap(",O,", ",woman?,"), "in no table of groups: 'woman\\?' \\(1 rows\\)"),
]


@pytest.mark.parametrize(("spoil", "message"), HOSTILE)
def test_hostile_trees(tree: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(tree)
    with pytest.raises(DataError, match=message):
        get_reader("padchest").read(tree, out=tmp_path / "out", options=["views=all"])
    assert not (tmp_path / "out").exists()


def test_broken_and_missing_files_are_skipped_and_counted(tree: Path, tmp_path: Path) -> None:
    _cut(tree)
    (tree / "12/e.png").unlink()
    options = ["views=all", "max_bad=20%", "missing=drop"]
    report = get_reader("padchest").read(tree, out=tmp_path / "out", options=options)
    assert report.cohort.table["image_id"].tolist() == ["a", "b", "d", "f"]
    flow = report.flow[["rule", "dropped"]].to_numpy().tolist()
    assert ["skipped: the image file ends early", 1] in flow
    assert ["the image file is there", 1] in flow


def test_a_patient_of_two_sexes_is_left_out(tree: Path, tmp_path: Path) -> None:
    _swap("p5,1950.0,F", "p4,1950.0,F")(tree)
    report = get_reader("padchest").read(tree, out=tmp_path / "out", options=["views=all"])
    assert report.cohort.table["patient_id"].tolist() == ["p1", "p2", "p3", "p3"]


def _become(kind: str) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        file = folder / "0/a.png"
        file.unlink()
        if kind == "folder":
            file.mkdir()
        elif kind == "pipe":
            os.mkfifo(file)
        else:
            file.symlink_to(file)

    return replace


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop"])
def test_what_is_no_plain_file_is_missing_and_never_opened(kind: str, tree: Path, tmp_path: Path) -> None:
    _become(kind)(tree)
    with pytest.raises(DataError, match="row 1, column 'image_path': no such image file"):
        get_reader("padchest").read(tree, out=tmp_path / "out", options=["views=all"])


def test_a_year_that_is_none_is_counted_and_a_missing_one_is_not(tree: Path, tmp_path: Path) -> None:
    _swap("1930.0", "long ago")(tree)
    report = get_reader("padchest").read(tree, out=tmp_path / "out", options=["views=all"])
    np.testing.assert_array_equal(report.cohort.table["age"], [np.nan, 86, np.nan, np.nan, 66, 66])
    assert "1 ages were none and are set to unknown." in report.notes
    with pytest.raises(DataError, match="row 1, column 'age': not an age"):
        get_reader("padchest").read(tree, out=tmp_path / "b", options=["views=all", "invalid_age=refuse"])
