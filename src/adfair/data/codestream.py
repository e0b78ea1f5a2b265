"""What the header of a compressed DICOM frame claims, so that a decoder is not asked for the impossible.

The decoders believe the frame, not the DICOM header around it: a few changed bytes can make them take minutes and
gigabytes before they fail. Sources: ITU-T T.81 B.2.2 (JPEG frame header, also of JPEG-LS), T.800 A.5.1 and A.6.1 (SIZ and
COD of JPEG 2000).
"""

import struct
from typing import NamedTuple

_FRAMES = frozenset([0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB, 0xF7])
_J2K = b"\xff\x4f\xff\x51"
MAX_TILES, MAX_LAYERS = 4096, 256


class Claim(NamedTuple):
    """Rows, columns and samples a pixel of a frame; whether its division into tiles and layers is sane."""

    rows: int
    columns: int
    samples: int
    sane: bool = True


def read_claim(frame: bytes) -> Claim | None:
    """The claim of one JPEG, JPEG-LS or JPEG 2000 frame; ``None`` for other bytes, such as RLE.

    Raises:
        ValueError, struct.error: the header is cut off or has no frame.
    """
    at = frame.find(_J2K, 0, 4096)
    if at >= 0:
        return _jpeg_2000(frame, at)
    return _jpeg(frame) if frame.startswith(b"\xff\xd8") else None


def _jpeg_2000(frame: bytes, at: int) -> Claim:
    x, y, x0, y0, tile_x, tile_y, tile_x0, tile_y0, samples = struct.unpack_from(">8IH", frame, at + 8)
    tiles = -(-(x - tile_x0) // max(tile_x, 1)) * -(-(y - tile_y0) // max(tile_y, 1))
    # The coding style stands in the main header, before the first tile (FF90).
    end = frame.find(b"\xff\x90", at)
    style = frame.find(b"\xff\x52", at + 4, end if end >= 0 else len(frame))
    layers = struct.unpack_from(">H", frame, style + 6)[0] if style >= 0 else 0
    parts = frame[at + 42 : at + 42 + 3 * samples]
    plain = all(parts[i + 1 : i + 3] == b"\x01\x01" for i in range(0, len(parts), 3))
    return Claim(y - y0, x - x0, samples, tiles <= MAX_TILES and 0 < layers <= MAX_LAYERS and plain)


def _jpeg(frame: bytes) -> Claim:
    at = 2
    while True:
        while frame[at : at + 1] == b"\xff" and frame[at + 1 : at + 2] == b"\xff":
            at += 1
        marker, length = struct.unpack_from(">HH", frame, at)
        if marker >> 8 != 0xFF or length < 2:
            raise ValueError("no frame header")
        if marker & 0xFF in _FRAMES:
            _, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            return Claim(rows, columns, samples)
        at += 2 + length
