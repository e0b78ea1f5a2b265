"""Shards hold the cache's pixels, found by row, and are what WebDataset expects."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.data import shards
from adfair.data.cache import CachedImages, open_images
from adfair.data.images import load_images
from adfair.data.manifest import Cohort
from adfair.data.shards import ShardStack
from adfair.errors import DataError
from adfair.workflows.prepare import prepare


@pytest.fixture
def folder(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shards, "SHARD", 5)
    (cohort.root / "images/3.png").write_bytes(b"no image")
    return prepare(cohort, size=16, workers=1, max_bad=0.1, format="webdataset").folder


def test_the_loader_reads_them_by_row(cohort: Cohort, folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["images.csv", "index.json", *(f"shard-00000{i}.tar" for i in range(3))]
    rows = cohort.table.iloc[[11, 0, 7, 7, 2]].reset_index(drop=True)
    images = open_images(cohort, rows, size=16)
    assert isinstance(images, CachedImages)
    assert isinstance(images.pixels, ShardStack)
    np.testing.assert_array_equal(images[:], load_images(cohort, rows, size=16))
    assert prepare(cohort, size=16, format="webdataset").found


def test_they_are_tar_files_of_samples(folder: Path) -> None:
    with tarfile.open(folder / "shard-000000.tar") as tar:
        assert tar.getnames() == [f"{i:09d}.{kind}" for i in range(5) for kind in ("npy", "json")]
        image = np.load(io.BytesIO(tar.extractfile("000000004.npy").read()))  # type: ignore[union-attr]
        note = json.loads(tar.extractfile("000000003.json").read())  # type: ignore[union-attr]
    assert (image == 4).all()
    assert image.shape == (16, 16)
    assert (note["image_id"], note["split"]) == ("i3", "train")
    assert "damaged" in note["refused"]


@pytest.mark.filterwarnings("ignore")
def test_webdataset_reads_them(folder: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="needs the extra scale")
    urls = [str(path) for path in sorted(folder.glob("*.tar"))]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode().to_tuple("npy", "json"))
    assert [int(image[0, 0]) for image, _ in samples] == [0, 1, 2, 0, *range(4, 12)]
    assert [note["image_id"] for _, note in samples] == [f"i{i}" for i in range(12)]


def test_a_shard_cut_short_or_changed_is_refused(cohort: Cohort, folder: Path) -> None:
    file = folder / "shard-000001.tar"
    data = file.read_bytes()
    spoilt = bytearray(data)
    spoilt[512 + 128] ^= 1
    file.write_bytes(spoilt)
    with pytest.raises(DataError, match="row 6: the pixels in the cache are not those"):
        prepare(cohort, size=16, format="webdataset")
    file.write_bytes(data[:3000])
    with pytest.raises(DataError, match=r"have not the length.*--force"):
        open_images(cohort, cohort.table, size=16)


def test_a_kill_between_shards_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 4)
    pixels = np.random.default_rng(0).integers(0, 256, (10, 8, 8), dtype=np.uint8)
    notes = pd.DataFrame({"image_id": [f"i{i}" for i in range(10)], "split": "train", "refused": ""})
    shards.write_shards(tmp_path, pixels, notes)
    expected = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "shard-000002.tar").unlink()
    (tmp_path / "shard-000001.tar").rename(tmp_path / "shard-000001.partial")
    shards.write_shards(tmp_path, pixels, notes)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == expected
