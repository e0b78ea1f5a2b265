"""The bytes of one image file as a grey picture, whatever the bytes are.

PNG, JPEG, TIFF and BMP are decoded with PIL, DICOM as ``adfair.data.dicom`` says; nothing else is opened. EXIF
orientation is not applied (radiographs carry none that can be trusted). Colour is reduced to luma. 16-bit pixels
keep their full range: 0-65535 becomes 0-255, so that grey levels stay comparable between images (our choice).

A large JPEG that will be made much smaller is decoded at 1/2, 1/4 or 1/8 by the scaled DCT: each block of 8 x 8
coefficients is turned into fewer pixels, which is several times faster and differs by less than half a grey level
(our choice: only above a million pixels, and only while twice the wanted side remains).
"""

import io
import os
import stat
from pathlib import Path

import numpy as np
from PIL import Image

from adfair.data import dicom
from adfair.data.squares import Fit
from adfair.errors import DataError, MissingExtraError

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
MAX_PIXELS = 80_000_000
"""Twice the largest film scans; a header that claims more is taken for a decompression bomb."""
MAX_BYTES = 400_000_000
MAX_PIXELS_IN_SCANS = 20 * MAX_PIXELS
"""Pixels times scans of a progressive JPEG: each scan goes over the whole picture."""

# What a file can hold at most: a bit for each block of 64 pixels; deflate's 1,032 bytes of one-bit pixels.
_MOST_PIXELS_A_BYTE = {"JPEG": 512, "PNG": 8 * 1032}
_PHOTOMETRIC = 262  # tag of a TIFF: 0 where white is zero, 1 where black is
_REDUCE_FROM, _SPARE = 1_000_000, 2
_TO_8_BIT = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


def fault(path: Path | str, what: str) -> DataError:
    """The error of one image file."""
    return DataError.at(what, file=path, remedy="Replace the file or remove its row.")


def decode(
    path: Path | str, *, size: int | None = None, fit: Fit = "crop"
) -> tuple[Image.Image, tuple[int, int]]:
    """Decode one file.

    Args:
        path: the file.
        size: side of the square that will be made of it; a large JPEG may then come reduced.
        fit: how the square will be made.

    Returns:
        The picture in mode L, and the width and height that the file has.

    Raises:
        DataError: missing, truncated, not an image of a supported format or mode, or too large.
        MissingExtraError: a DICOM file, and the extra ``dicom`` is not installed.
    """
    try:
        data = _read(path)
        if dicom.is_dicom(data):
            picture = dicom.decode_dicom(data, max_pixels=MAX_PIXELS)
            return picture, picture.size
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            full = image.size
            _check_size(image, data, path)
            if size is not None and image.format == "JPEG":
                _reduce(image, size, fit)
            image.load()
            return _grey(image, path), full
    except (MissingExtraError, DataError):
        raise
    except dicom.DicomFault as error:
        raise fault(path, str(error)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise fault(path, f"more than {MAX_PIXELS:,} pixels") from None
    except Exception:
        # Decoders meet hostile bytes here and raise anything from SyntaxError to struct.error; all of it
        # means that the file is damaged.
        raise fault(path, "the image is damaged, truncated or not PNG, JPEG, TIFF, BMP or DICOM") from None


def _read(path: Path | str) -> bytes:
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode):
            raise fault(path, "not a regular file")
        if facts.st_size > MAX_BYTES:
            raise fault(path, f"{facts.st_size:,} bytes are more than {MAX_BYTES:,}")
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise fault(path, "no such image file") from None
    except OSError as error:
        raise fault(path, f"the file cannot be read ({error.strerror})") from None


def _check_size(image: Image.Image, data: bytes, path: Path | str) -> None:
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise fault(path, f"{image.width} x {image.height} pixels are more than {MAX_PIXELS:,}")
    if pixels > len(data) * _MOST_PIXELS_A_BYTE.get(image.format or "", MAX_PIXELS):
        raise fault(path, f"truncated: {len(data):,} bytes cannot hold {image.width} x {image.height} pixels")
    # The marker of a scan; only a progressive file has many, and looking for them costs as much as a tenth of decoding.
    if "progressive" in image.info and pixels * data.count(b"\xff\xda") > MAX_PIXELS_IN_SCANS:
        raise fault(path, f"more than {MAX_PIXELS_IN_SCANS:,} pixels in all scans together")


def _reduce(image: Image.Image, size: int, fit: Fit) -> None:
    side = min(image.size) if fit == "crop" else max(image.size)
    if image.width * image.height <= _REDUCE_FROM:
        return
    for shrink in (8, 4, 2):
        if side >= _SPARE * size * shrink:
            image.draft("L", (image.width // shrink, image.height // shrink))
            return


def _white_is_zero(image: Image.Image) -> bool:
    """Whether a TIFF declares that 0 is white. PIL inverts 8 bits of such a file, but not 16."""
    return image.format == "TIFF" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0


def _grey(image: Image.Image, path: Path | str) -> Image.Image:
    if image.mode == "L":
        return image
    if image.mode in ("1", "LA", "P", "PA", "RGB", "RGBA", "YCbCr"):
        return image.convert("RGB").convert("L") if image.mode in ("P", "PA") else image.convert("L")
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise fault(path, "pixel values outside 16 bits")
        grey = _TO_8_BIT[values]
        return Image.fromarray(255 - grey if _white_is_zero(image) else grey)
    raise fault(path, f"pixels of mode {image.mode} are not grey or RGB")
