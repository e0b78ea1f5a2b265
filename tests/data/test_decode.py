"""Scaled decoding is close and only for large JPEGs; hostile headers and files that are none are refused at once."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adfair.data.decode import decode
from adfair.data.images import read_image
from adfair.data.squares import Fit, square
from adfair.errors import DataError


def _film(height: int, width: int) -> Image.Image:
    y, x = np.mgrid[:height, :width]
    grain = np.random.default_rng(0).normal(0, 3, (height, width))
    return Image.fromarray((120 + 70 * np.sin(x / 90) * np.cos(y / 70) + grain).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_a_large_jpeg_is_decoded_reduced_and_stays_within_half_a_level(tmp_path: Path, fit: Fit) -> None:
    _film(1203, 1501).save(tmp_path / "a.jpg", quality=92)
    image, full = decode(tmp_path / "a.jpg", size=64, fit=fit)
    assert full == (1501, 1203)
    assert image.size == (188, 151)
    with Image.open(tmp_path / "a.jpg") as whole:
        exact = square(whole, 64, fit=fit)
    assert np.abs(read_image(tmp_path / "a.jpg", size=64, fit=fit).astype(int) - exact).mean() < 0.5


def test_a_small_jpeg_and_a_large_png_are_decoded_exactly(tmp_path: Path) -> None:
    small, large = _film(700, 900), _film(1100, 1000)
    small.save(tmp_path / "a.jpg")
    large.save(tmp_path / "b.png")
    with Image.open(tmp_path / "a.jpg") as image:
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg", size=32), square(image, 32))
    np.testing.assert_array_equal(read_image(tmp_path / "b.png", size=32), square(large, 32))
    assert read_image(tmp_path / "b.png").shape == (1100, 1000)


def test_a_truncated_large_jpeg_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    _film(1100, 1100).save(buffer, format="JPEG")
    (tmp_path / "a.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    with pytest.raises(DataError, match=r"a\.jpg: the image is damaged, truncated"):
        read_image(tmp_path / "a.jpg", size=64)


def test_a_header_that_claims_more_than_the_file_can_hold_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("L", (16, 16)).save(buffer, format="JPEG")
    data = bytearray(buffer.getvalue())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = b"\x20\x00\x20\x00"  # 8192 x 8192
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(DataError, match=r"truncated: [\d,]+ bytes cannot hold 8192 x 8192 pixels"):
        read_image(tmp_path / "a.jpg", size=16)


def test_a_jpeg_of_endless_scans_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _film(64, 64).save(tmp_path / "a.jpg", progressive=True)
    assert read_image(tmp_path / "a.jpg", size=16).shape == (16, 16)
    monkeypatch.setattr("adfair.data.decode.MAX_PIXELS_IN_SCANS", 2 * 64 * 64)
    with pytest.raises(DataError, match="in all scans together"):
        read_image(tmp_path / "a.jpg", size=16)


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", tmp_path):
        with pytest.raises(DataError, match="not a regular file"):
            read_image(path, size=8)
    _film(8, 8).save(tmp_path / "a.png")
    monkeypatch.setattr("adfair.data.decode.MAX_BYTES", 10)
    with pytest.raises(DataError, match="bytes are more than 10"):
        read_image(tmp_path / "a.png", size=8)


def _tiff(pixels: np.ndarray, *, photometric: int) -> bytes:
    """An uncompressed grey TIFF by hand: PIL writes none with white as zero."""
    height, width = pixels.shape
    at = 8 + 2 + 9 * 12 + 4
    tags = [(256, width), (257, height), (258, 8 * pixels.itemsize), (259, 1), (262, photometric)]
    tags += [(273, at), (277, 1), (278, height), (279, pixels.nbytes)]
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return head + entries + bytes(4) + pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()


def test_a_tiff_whose_zero_is_white_is_inverted_at_either_depth(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for pixels in (grey, grey.astype(np.uint16) * 257):
        for photometric, expected in ((1, grey), (0, 255 - grey)):
            (tmp_path / "a.tif").write_bytes(_tiff(pixels, photometric=photometric))
            np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), expected)
