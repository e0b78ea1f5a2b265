"""One chunk: its pixels are in the file, its hashes are theirs, a bad image is black and named."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adfair.data.chunks import Target, write_chunk
from adfair.errors import DataError


@pytest.fixture
def target(tmp_path: Path) -> Target:
    for i in range(3):
        Image.fromarray(np.full((8, 8), 50 + i, dtype=np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "pixels").write_bytes(bytes(5 * 64))
    return Target(tmp_path, tmp_path / "pixels", 8, "crop")


def test_pixels_and_hashes(target: Target) -> None:
    chunk = write_chunk(target, 2, ["1.png", "gone.png", "2.png"])
    pixels = np.fromfile(target.pixels, dtype=np.uint8).reshape(5, 64)
    assert pixels[:, 0].tolist() == [0, 0, 51, 0, 52]
    assert chunk.sha256 == [hashlib.sha256(row.tobytes()).hexdigest() for row in pixels[2:]]
    assert chunk.start == 2
    assert chunk.refused == {3: "no such image file. Replace the file or remove its row."}


def test_a_full_disk_says_what_to_do(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adfair.data.chunks._write", full)
    with pytest.raises(DataError, match=r"No space left on device.*goes on where it stopped"):
        write_chunk(target, 0, ["0.png"])
