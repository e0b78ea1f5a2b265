"""The FairVLMed reader: an exact cohort of npz files, and files that would have to be unpickled or are cut."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adfair.data.images import read_image
from adfair.data.manifest import load_cohort
from adfair.data.readers import get_reader
from adfair.data.readers.fairvlmed import MAX_BYTES, find
from adfair.data.readers.options import ReadOptions
from adfair.errors import ConfigError, DataError

PEOPLE: list[dict[str, Any]] = [
    {"age": 61.5, "gender": 0, "race": 2, "ethnicity": 0, "glaucoma": 1, "note": "Disc\ncupping."},
    {"age": 70.0, "gender": 1.0, "race": 1, "ethnicity": 1, "glaucoma": 0, "note": "Discs are flat."},
    {"age": 44, "gender": 1, "race": 0, "ethnicity": -1, "glaucoma": "yes", "note": "High pressure."},
]


def _write(file: Path, **changes: Any) -> None:
    level = int(file.stem.removeprefix("data_"))
    arrays = {
        "slo_fundus": np.full((12, 9), level, dtype=np.uint8),
        "md": -2.5,
        **PEOPLE[level - 1],
        **changes,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, **{key: np.asarray(value) for key, value in arrays.items() if value is not None})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n, split in enumerate(("Training", "Validation", "Test"), 1):
        _write(tmp_path / f"fair/{split}/data_0000{n}.npz")
    return tmp_path / "fair"


def test_the_exact_cohort(folder: Path, tmp_path: Path) -> None:
    report = get_reader("fairvlmed").read(
        folder, out=tmp_path / "out", options=["attributes=race,sex,ethnicity"]
    )
    cohort = load_cohort(tmp_path / "out", check_images=True)
    table = cohort.table
    assert (
        table["image_id"].tolist()
        == table["patient_id"].tolist()
        == ["data_00001", "data_00002", "data_00003"]
    )
    assert table["split"].tolist() == ["train", "val", "test"]
    assert table["sex"].tolist() == ["F", "M", "M"]
    assert table["race"].tolist() == ["White", "Black", "Asian"]
    assert table["ethnicity"].tolist() == ["Non-Hispanic", "Hispanic", "Unknown"]
    assert table["Glaucoma"].tolist() == [1, 0, 1]
    assert table["report"].tolist() == ["Disc cupping.", "Discs are flat.", "High pressure."]
    np.testing.assert_array_equal(table["age"], [61.5, 70, 44])
    assert cohort.info.image_root is None
    shapes = [read_image(cohort.root / path) for path in table["image_path"]]
    assert [(image.shape, int(image[0, 0])) for image in shapes] == [((12, 9), n) for n in (1, 2, 3)]
    assert report.flow.iloc[0].tolist() == ["npz files", 0, 3, 3]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["fair", "out"]


def test_notes_can_be_left_out(folder: Path, tmp_path: Path) -> None:
    report = get_reader("fairvlmed").read(folder, out=tmp_path / "out", options=["sections=[]"])
    assert report.cohort.table["report"].eq("").all()


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        file = folder / "Test/data_00003.npz"
        file.write_bytes(change(file.read_bytes()))

    return spoil


def _cells(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: _write(folder / "Test/data_00003.npz", **changes)


HOSTILE = [
    (
        _cells(race=None),
        "column 'race': file 1 by name: expected slo_fundus, age, .*; found slo_fundus, md, age, gender",
    ),
    (_cells(race=3), "column 'race': 1 different texts are in no table of groups: '3' \\(1 rows\\)"),
    (_cells(gender=0.5), "column 'sex': 1 different texts are in no table of groups: '0.5'"),
    (_cells(glaucoma=-1), "column 'glaucoma': file 1 by name: expected one of"),
    (_cells(age=[1, 2]), "column 'age': file 1 by name: one value expected, found 2"),
    (_cells(note={"a": print}), "would have to be unpickled, which is refused"),
    (
        _cells(slo_fundus=np.zeros((4, 4, 3), np.uint8)),
        r"'slo_fundus': file 1 by name: expected \[height, width\].*\[4, 4, 3\]",
    ),
    (_cells(slo_fundus=np.full((4, 4), 300)), r"with 0 to 255, found \[4, 4\] of int64"),
    (_cells(slo_fundus=np.full((4, 4), np.nan)), r"with 0 to 255, found \[4, 4\] of float64"),
    (_cells(slo_fundus=np.zeros((0, 4), np.uint8)), r"with 0 to 255, found \[0, 4\]"),
    (_cells(slo_fundus=np.zeros(MAX_BYTES + 1, np.uint8)), "an array of more than 67,108,864 bytes"),
    (_bytes(lambda whole: whole[:-30]), "damaged, or an array"),
    (_bytes(lambda whole: b""), "damaged, or an array"),
    (_bytes(lambda whole: whole.replace(b"'descr'", b"'xxxxx'")), "damaged, or an array"),
]


@pytest.mark.parametrize(("spoil", "message"), HOSTILE)
def test_hostile_files(folder: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(folder)
    with pytest.raises(DataError, match=message):
        get_reader("fairvlmed").read(folder, out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["fair"]


def test_another_folder_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="no npz file in Training, Validation, Test; found 1 other"):
        find([tmp_path], ReadOptions())
    with pytest.raises(ConfigError, match="--mapping belongs to"):
        get_reader("fairvlmed").read(tmp_path, out=tmp_path / "out", mapping="m.yaml")


def test_a_note_in_bytes_is_text(folder: Path, tmp_path: Path) -> None:
    _write(folder / "Test/data_00003.npz", note="Névé.".encode())
    report = get_reader("fairvlmed").read(folder, out=tmp_path / "out")
    assert report.cohort.table["report"].iloc[-1] == "Névé."
    _write(folder / "Test/data_00003.npz", note=b"\xff\xfe")
    with pytest.raises(DataError, match=r"data_00003\.npz, column 'note': not UTF-8 text"):
        get_reader("fairvlmed").read(folder, out=tmp_path / "other")


def test_files_out_of_the_folder_and_pipes_are_never_opened(folder: Path, tmp_path: Path) -> None:
    file = folder / "Test/data_00003.npz"
    file.rename(tmp_path / "elsewhere.npz")
    file.symlink_to(tmp_path / "elsewhere.npz")
    with pytest.raises(DataError, match=r"data_00003\.npz: a symbolic link leads out of the folder"):
        find([folder], ReadOptions())
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(DataError, match=r"data_00003\.npz: not a plain file"):
        find([folder], ReadOptions())
