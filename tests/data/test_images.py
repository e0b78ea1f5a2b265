"""Decoding: right grey levels, right geometry, and one kind of error whatever the bytes."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adfair.data import decode
from adfair.data.images import is_dark, load_images, read_image, verify_images
from adfair.data.manifest import Cohort
from adfair.errors import DataError


def _save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_images_come_in_the_order_of_the_table(cohort: Cohort) -> None:
    rows = cohort.table.iloc[::-1]
    stack = load_images(cohort, rows, size=8)
    assert stack.dtype == np.uint8
    assert stack.shape == (12, 8, 8)
    assert stack[:, 0, 0].tolist() == list(range(11, -1, -1))


def test_more_images_than_one_chunk(cohort: Cohort) -> None:
    rows = cohort.table.iloc[np.arange(200) % 12].reset_index(drop=True)
    done: list[int] = []
    stack = load_images(cohort, rows, size=8, progress=done.append)
    assert stack[:, 3, 3].tolist() == (np.arange(200) % 12).tolist()
    assert sum(done) == 200


def test_grey_8_bit_is_exact(tmp_path: Path) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(read_image(_save(tmp_path / "a.png", pixels), size=16), pixels)


def test_16_bit_maps_its_full_range(tmp_path: Path) -> None:
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    np.testing.assert_array_equal(read_image(_save(tmp_path / "a.png", grey * 257), size=16), grey)
    # Every 16-bit value lands on the nearest of the 256 levels.
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.round(every / 257)
    np.testing.assert_array_equal(read_image(_save(tmp_path / "b.png", every)), expected)


def test_colour_becomes_luma(tmp_path: Path) -> None:
    rgb = np.zeros((4, 4, 3), dtype=np.uint8)
    rgb[..., 1] = 100
    assert set(read_image(_save(tmp_path / "a.png", rgb), size=4).flat) == {round(0.587 * 100)}


def test_the_central_square_is_kept(tmp_path: Path) -> None:
    wide = np.zeros((10, 30), dtype=np.uint8)
    wide[:, 10:20] = 200
    assert (read_image(_save(tmp_path / "w.png", wide), size=10) == 200).all()
    assert (read_image(_save(tmp_path / "h.png", wide.T.copy()), size=10) == 200).all()
    assert (read_image(tmp_path / "w.png", size=5) == 200).all()


def test_reduction_averages_instead_of_skipping(tmp_path: Path) -> None:
    checker = np.indices((64, 64)).sum(axis=0) % 2 * 200
    small = read_image(_save(tmp_path / "c.png", checker.astype(np.uint8)), size=8)
    assert np.abs(small.astype(int) - 100).max() <= 2


def test_exif_orientation_is_not_applied(tmp_path: Path) -> None:
    pixels = np.zeros((16, 16), dtype=np.uint8)
    pixels[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=100)
    assert read_image(tmp_path / "a.jpg", size=16)[:6].min() > 240


def _png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n"
        + body
        + struct.pack(">I", len(data) - 4)
        + data
        + struct.pack(">I", zlib.crc32(data))
    )


@pytest.mark.parametrize("side", [9_000, 12_000, 60_000])
def test_a_decompression_bomb_is_refused_from_its_header(tmp_path: Path, side: int) -> None:
    (tmp_path / "bomb.png").write_bytes(_png_header(side, side))
    with pytest.raises(DataError, match=r"bomb\.png: .*pixels.*Replace the file"):
        read_image(tmp_path / "bomb.png", size=64)


def test_formats_beyond_the_list_are_not_opened(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.gif")
    with pytest.raises(DataError, match=r"not PNG, JPEG, TIFF, BMP or DICOM"):
        read_image(tmp_path / "a.gif")


def test_float_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), dtype=np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match=r"mode F are not grey"):
        read_image(tmp_path / "a.tiff")


def test_a_missing_file_names_row_and_file(cohort: Cohort) -> None:
    (cohort.root / "images/9.png").unlink()
    with pytest.raises(DataError, match=r"row 10, column 'image_path': no such image file\. Replace"):
        load_images(cohort, cohort.split("test"), size=8)


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_every_truncation_is_refused(tmp_path: Path, format: str) -> None:
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8)).save(buffer, format=format)
    data = buffer.getvalue()
    # What follows the last pixel (the PNG end chunk, the JPEG end marker) is not needed to decode.
    for end in range(0, len(data) - 40, 7):
        (tmp_path / "cut").write_bytes(data[:end])
        with pytest.raises(DataError, match=r"damaged, truncated"):
            read_image(tmp_path / "cut", size=16)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP"])
def test_mutated_files_raise_only_our_error(tmp_path: Path, format: str) -> None:
    rng = np.random.default_rng(1)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8)).save(buffer, format=format)
    data = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
    refused = 0
    for _ in range(250):
        mutant = data.copy()
        where = rng.integers(0, min(len(data), 200), size=rng.integers(1, 8))
        mutant[where] = rng.integers(0, 256, size=len(where))
        (tmp_path / "mutant").write_bytes(mutant.tobytes())
        try:
            assert read_image(tmp_path / "mutant", size=16).shape == (16, 16)
        except DataError:
            refused += 1
    assert refused > 0


def test_verify_decodes_without_keeping(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    dark = verify_images(cohort, cohort.table, progress=done.append)
    assert sum(done) == 12
    files = [read_image(cohort.image_root / path) for path in cohort.table["image_path"]]
    assert dark == sum(int(pixels.max()) < 64 for pixels in files)
    monkeypatch.setattr(decode, "MAX_PIXELS", 63)
    with pytest.raises(DataError, match=r"row 1, .*8 x 8 pixels are more than 63"):
        verify_images(cohort, cohort.table)


def test_values_of_12_bits_in_16_are_dark_and_their_full_range_is_not(tmp_path: Path) -> None:
    values = np.linspace(0, 4095, 64).reshape(8, 8).astype(np.uint16)
    for name, pixels, dark in (("twelve", values, True), ("sixteen", values * 16, False)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        assert is_dark(read_image(tmp_path / f"{name}.png")) is dark
