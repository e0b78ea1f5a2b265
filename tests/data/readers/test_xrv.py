"""Dataset objects: exact cohorts of look-alikes (importing the real library takes seconds)."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.xrv import find_dataset, import_dataset
from adfair.errors import ConfigError, DataError


@pytest.fixture
def dataset(tmp_path: Path) -> SimpleNamespace:
    (tmp_path / "images").mkdir()
    for i in range(3):
        Image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(tmp_path / f"images/{i}.png")
    frame = pd.DataFrame(
        {
            "Image Index": ["0.png", "1.png", "2.png"],
            "patientid": ["7", "7", "8"],
            "view": ["PA", "L", "UNKNOWN"],
            "age_years": [50.0, 50.0, np.nan],
            "sex_male": [True, True, False],
            "sex_female": [False, False, False],
        },
        index=[4, 2, 9],
    )
    labels = np.array([[1, np.nan], [0, 0], [-1, 1]], dtype=np.float32)
    pathologies = ["Edema", "Pleural_Thickening"]
    return SimpleNamespace(
        csv=frame, labels=labels, pathologies=pathologies, imgpath=str(tmp_path / "images")
    )


def test_the_exact_cohort(dataset: SimpleNamespace, tmp_path: Path) -> None:
    report = import_dataset(dataset, out=tmp_path / "out", options={"views": "all"}, name="mine")
    cohort = load_cohort(tmp_path / "out", check_images=True)
    table = cohort.table
    assert cohort.info.name == "mine"
    assert table["image_id"].tolist() == ["0", "1", "2"]
    assert table["patient_id"].tolist() == ["7", "7", "8"]
    assert table["view"].tolist() == ["PA", "lateral", ""]
    assert table["sex"].tolist() == ["M", "M", "Unknown"]
    np.testing.assert_array_equal(table["age"], [50, 50, np.nan])
    np.testing.assert_array_equal(table["Edema"], [1, 0, -1])
    np.testing.assert_array_equal(table["Pleural Thickening"], [np.nan, 0, 1])
    assert report.flow.iloc[0].tolist() == ["rows of the object", 0, 3, 2]


def test_a_wrapped_object_keeps_its_folder(dataset: SimpleNamespace) -> None:
    parts = {"labels": dataset.labels[1:], "pathologies": dataset.pathologies}
    subset = SimpleNamespace(dataset=dataset, csv=dataset.csv.iloc[1:], **parts)
    found = find_dataset(subset)
    assert found.image_root == Path(dataset.imgpath)
    assert found.rows["image_path"].tolist() == ["1.png", "2.png"]


def test_paths_can_be_given(dataset: SimpleNamespace) -> None:
    dataset.csv = dataset.csv.drop(columns=["Image Index", "patientid"])
    with pytest.raises(
        ConfigError, match=r"none of the columns Image Index, .* names every file: give paths"
    ):
        find_dataset(dataset)
    with pytest.raises(ConfigError, match="1 paths for 3 rows"):
        find_dataset(dataset, paths=["a/0.png"])
    found = find_dataset(dataset, paths=["a/0.png", "a/1.png", "a/2.png"])
    assert found.rows["image_id"].tolist() == ["a/0", "a/1", "a/2"]
    assert found.rows["patient_id"].tolist() == ["a/0.png", "a/1.png", "a/2.png"]
    assert "The object names no patients: each image counts as a patient of its own." in found.notes


def test_hostile_objects(dataset: SimpleNamespace, tmp_path: Path) -> None:
    def broken(**changes: Any) -> SimpleNamespace:
        return SimpleNamespace(**{**vars(dataset), **changes})

    with pytest.raises(ConfigError, match=r"no \.labels; expected \.csv, \.labels and \.pathologies"):
        find_dataset(SimpleNamespace(csv=dataset.csv))
    with pytest.raises(DataError, match=r"labels of shape \[2, 2\] for 3 rows and 2 pathologies"):
        find_dataset(broken(labels=dataset.labels[:2]))
    with pytest.raises(DataError, match="row 2: a label that is none of 1, 0, -1 and NaN"):
        find_dataset(broken(labels=np.array([[1, 0], [0.5, 0], [0, 0]])))
    both = dataset.csv.assign(sex_female=True)
    assert find_dataset(broken(csv=both)).rows["raw:sex"].tolist() == ["", "", "F"]
    twice = broken(csv=dataset.csv.assign(**{"Image Index": "0.png"}))
    with pytest.raises(DataError, match=r"row 2, .*listed in an earlier row"):
        import_dataset(twice, out=tmp_path / "out", options=ReadOptions(views="all"))
    away = broken(csv=dataset.csv.assign(**{"Image Index": ["0.png", "../x.png", "2.png"]}))
    with pytest.raises(DataError, match=r"row 2, .*leads out of the image folder"):
        import_dataset(away, out=tmp_path / "out", options=ReadOptions(views="all"))
    vars(dataset).pop("imgpath")
    with pytest.raises(ConfigError, match=r"has no \.imgpath: give image_root"):
        find_dataset(dataset)


def test_names_without_suffix_and_with_a_prefix(dataset: SimpleNamespace) -> None:
    frame = dataset.csv.drop(columns="Image Index")
    # Open-i's frame has both columns; 'filename' there is the DICOM that the PNG was made from.
    dataset.csv = frame.assign(imageid=["CXR1", "CXR2", "CXR3"], filename="./1.dcm")
    assert find_dataset(dataset).rows["image_path"].tolist() == ["CXR1.png", "CXR2.png", "CXR3.png"]
    paths = [f"CheXpert-v1.0-small/train/patient{i}/view1.jpg" for i in range(3)]
    dataset.csv = frame.assign(Path=paths)
    assert find_dataset(dataset).rows["image_path"].iloc[0] == "train/patient0/view1.jpg"
