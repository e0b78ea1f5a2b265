"""The Indiana reader: exact cohorts of the archive's and of Kaggle's form, hostile versions, the real archive."""

import importlib.util
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers import get_reader
from adfair.data.readers.indiana import find, sex_in_text
from adfair.data.readers.options import ReadOptions
from adfair.errors import ConfigError, DataError

REPORTS = """uid,MeSH,Problems,image,indication,comparison,findings,impression
1,normal,normal,Xray Chest PA and Lateral,55-year-old woman,None.,Lungs are clear.,Normal chest.
2,Cardiomegaly/mild;Opacity/lung/base/left,Cardiomegaly;Opacity,PA,XXXX-year-old male,None.,,Large heart.
3,No Indexing,No Indexing,PA,Male infant of a woman with TB,None.,"Not clear, not dark.",
"""
PROJECTIONS = """uid,filename,projection
1,1_IM-0001-4001.dcm.png,Frontal
1,1_IM-0001-3001.dcm.png,Lateral
2,2_IM-0652-1001.dcm.png,Frontal
3,3_IM-1384-1001.dcm.png,Frontal
"""
XML = """<eCitation><uId id="CXR{n}"/><AbstractText Label="FINDINGS">{text}</AbstractText>
<AbstractText Label="INDICATION">{indication}</AbstractText><MeSH><major>{mesh}</major></MeSH>{images}</eCitation>"""


def _image(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(file)


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    folder = tmp_path / "kaggle"
    for line in PROJECTIONS.splitlines()[1:]:
        _image(folder / "images/images_normalized" / line.split(",")[1])
    (folder / "indiana_reports.csv").write_text(REPORTS)
    (folder / "indiana_projections.csv").write_text(PROJECTIONS)
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "openi"
    with_images = {1: ["1_IM-0001-4001", "1_IM-0001-3001"], 2: ["2_IM-0652-1001"], 3: []}
    folder.mkdir()
    with tarfile.open(folder / "NLMCXR_reports.tgz", "w:gz") as tar:
        for n, names in with_images.items():
            images = "".join(f'<parentImage id="CXR{n}_{name}"/>' for name in names)
            cells = {"text": f"Text {n}.", "indication": "A man of 50", "mesh": "normal", "images": images}
            data = XML.format(n=n, **cells).encode()
            member = tarfile.TarInfo(f"ecgen-radiology/{n}.xml")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
            for name in names:
                _image(folder / f"CXR{n}_{name}.png")
    return folder


def test_the_exact_cohort_of_kaggle(kaggle: Path, tmp_path: Path) -> None:
    options = ["attributes=sex", "sections=impression,findings"]
    report = get_reader("indiana").read(kaggle, out=tmp_path / "out", options=options)
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_id"].tolist() == ["1_IM-0001-4001", "2_IM-0652-1001", "3_IM-1384-1001"]
    assert table["patient_id"].tolist() == table["study_id"].tolist() == ["1", "2", "3"]
    assert table["view"].tolist() == ["frontal"] * 3
    assert table["report"].tolist() == ["Normal chest.", "Large heart.", "Not clear, not dark."]
    assert table["sex"].tolist() == ["F", "M", "Unknown"]
    findings = report.cohort.info.findings
    assert [[f for f in findings if row[f] == 1] for _, row in table.iterrows()] == [
        ["No Finding"], ["Cardiomegaly", "Lung Opacity"], [],
    ]  # fmt: skip
    assert table[findings].isna().all(axis=1).tolist() == [False, False, True]
    assert "Sex is what words of the report say: 3 of 4 images have one." in report.notes
    assert "1 images belong to reports that were not coded." in report.notes


def test_sex_is_left_alone_unless_asked_for(kaggle: Path, tmp_path: Path) -> None:
    report = get_reader("indiana").read(kaggle, out=tmp_path / "out")
    assert report.cohort.info.attributes == {}
    assert "sex" not in report.cohort.table
    assert any(note.startswith("The source names no sex") for note in report.notes)


def test_the_exact_cohort_of_the_archive(archive: Path, tmp_path: Path) -> None:
    options = ["views=all", "attributes=sex"]
    report = get_reader("indiana").read(archive, out=tmp_path / "out", options=options)
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_id"].tolist() == ["CXR1_1_IM-0001-4001", "CXR1_1_IM-0001-3001", "CXR2_2_IM-0652-1001"]
    assert table["patient_id"].tolist() == ["CXR1", "CXR1", "CXR2"]
    assert table["report"].tolist() == ["Text 1.", "Text 1.", "Text 2."]
    assert table["sex"].tolist() == ["M"] * 3
    assert table["No Finding"].tolist() == [1, 1, 1]
    assert "3 reports, 1 of them without an image." in report.notes


def test_which_images_of_the_archive_are_frontal(archive: Path) -> None:
    with pytest.raises(ConfigError, match=r"put Kaggle's indiana_projections\.csv beside it, or .*views=all"):
        find([archive], ReadOptions())
    (archive / "indiana_projections.csv").write_text(PROJECTIONS)
    assert find([archive], ReadOptions()).rows["view"].tolist() == ["frontal", "lateral", "frontal"]


def test_words_for_one_sex() -> None:
    texts = ["A woman.", "male", "Female patient and her man", "MEN", "maleficent womanly", "", "40F"]
    frame = pd.DataFrame({"indication": texts, "comparison": "", "findings": "", "impression": ""})
    assert sex_in_text(frame).tolist() == ["F", "M", "", "M", "", "", ""]


def _swap(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / f"indiana_{name}.csv"
        file.write_text(file.read_text().replace(old, new))

    return change


HOSTILE = [
    (_swap("reports", "MeSH,", "Mesh,"), "no MeSH; expected uid, MeSH, .*found uid, Mesh"),
    (_swap("reports", "\n2,", "\n1,"), "row 2, column 'uid': this uid has a row already"),
    (
        _swap("reports", "\n3,", "\n4,"),
        r"projections\.csv, row 4, column 'uid': the image's report is not in",
    ),
    (_swap("projections", "3_IM-1384", "../3_IM-1384"), "row 4, column 'image': not a bare file name"),
    (_swap("projections", "3_IM-1384", "4_IM-1384"), "row 4, .*no such image file"),
    (_swap("projections", "2,2_IM-0652-1001", "2,3_IM-1384-1001"), "row 4, .*listed in an earlier row"),
    (_swap("projections", "projection", "plane"), "no projection; expected uid, filename, projection; found"),
    (lambda folder: (folder / "indiana_projections.csv").unlink(), r"expected indiana_projections\.csv"),
]


@pytest.mark.parametrize(("spoil", "message"), HOSTILE)
def test_hostile_tables(kaggle: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(kaggle)
    with pytest.raises(DataError, match=message):
        get_reader("indiana").read(kaggle, out=tmp_path / "out", options=["attributes=sex"])
    assert not (tmp_path / "out").exists()


def test_a_wrong_expression_in_a_label_table(kaggle: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("findings: {A: ['(']}")
    with pytest.raises(ConfigError, match=r"own\.yaml: not a regular expression"):
        find([kaggle], ReadOptions(maps={"labels": tmp_path / "own.yaml"}))


def test_the_real_archive() -> None:
    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or spec.origin is None:
        pytest.skip("the archive comes with torchxrayvision (dev extra)")
    file = Path(spec.origin).parent / "data/NLMCXR_reports.tgz"
    found = find([file], ReadOptions(views="all", attributes=["sex"]))
    assert "3,955 reports, 104 of them without an image." in found.notes
    assert found.flow.table().iloc[0].tolist() == ["images of the reports", 0, 7_470, 3_851]
    assert found.rows["image_id"].nunique() == 7_470
    assert found.rows["raw:sex"].value_counts().to_dict() == {"": 5_235, "F": 1_278, "M": 957}


def test_a_projection_in_another_case_is_the_same(kaggle: Path, tmp_path: Path) -> None:
    file = kaggle / "indiana_projections.csv"
    file.write_text(file.read_text().replace("Frontal", "FRONTAL").replace("Lateral", "lateral"))
    report = get_reader("indiana").read(kaggle, out=tmp_path / "out", options=["views=all"])
    assert report.cohort.table["view"].tolist() == ["frontal", "lateral", "frontal", "frontal"]
