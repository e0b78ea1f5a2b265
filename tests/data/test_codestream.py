"""What compressed frames claim: real encoders' headers are read, absurd ones are told apart."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from adfair.data.codestream import read_claim


def _saved(mode: str, format: str, **how: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((30, 50), np.uint8)).convert(mode).save(buffer, format=format, **how)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("frame", "samples"),
    [
        (_saved("L", "JPEG"), 1),
        (_saved("RGB", "JPEG", progressive=True, comment=b"\xff\xc0 text"), 3),
        (_saved("L", "JPEG2000", no_jp2=True), 1),
        (_saved("RGB", "JPEG2000"), 3),
    ],
)
def test_rows_columns_and_samples(frame: bytes, samples: int) -> None:
    assert read_claim(frame) == (30, 50, samples, True)


def _j2k(**changes: int) -> bytes:
    frame = bytearray(_saved("L", "JPEG2000", no_jp2=True))
    at = frame.index(b"\xff\x51")
    places = {"x": 6, "y": 10, "tile_x": 22, "tile_y": 26}
    for name, value in changes.items():
        if name == "layers":
            struct.pack_into(">H", frame, frame.index(b"\xff\x52") + 6, value)
        else:
            struct.pack_into(">I", frame, at + places[name], value)
    return bytes(frame)


@pytest.mark.parametrize(
    "changes", [{"layers": 60000}, {"layers": 0}, {"x": 2**31, "tile_x": 64}, {"tile_x": 0, "x": 9999}]
)
def test_absurd_divisions_are_told(changes: dict[str, int]) -> None:
    claim = read_claim(_j2k(**changes))
    assert claim is not None
    assert not claim.sane


def test_other_bytes_claim_nothing_and_cut_headers_raise() -> None:
    assert read_claim(bytes(64)) is None
    for frame in (b"\xff\xd8\xff\xe0\x00\x10", b"\xff\xd8" + bytes(20), _j2k()[:30]):
        with pytest.raises((ValueError, struct.error)):
            read_claim(frame)
