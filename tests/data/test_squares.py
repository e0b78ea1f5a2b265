"""Crop and pad: the right part of the picture, at the right place, with and without a reduced decode."""

import numpy as np
import pytest
from PIL import Image

from adfair.data.squares import Fit, square


def test_a_square_of_the_wanted_size_is_left_alone() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24), dtype=np.uint8)
    for fit in ("crop", "pad"):
        np.testing.assert_array_equal(square(Image.fromarray(pixels), 24, fit=fit), pixels)


def test_padding_keeps_all_of_it_on_black() -> None:
    wide = np.full((10, 40), 200, dtype=np.uint8)
    got = square(Image.fromarray(wide), 20, fit="pad")
    assert (got[:7] == 0).all()
    assert (got[12:] == 0).all()
    assert (got[7:12] == 200).all()
    np.testing.assert_array_equal(square(Image.fromarray(wide.T.copy()), 20, fit="pad"), got.T)


def test_cropping_is_the_central_square_resized_as_pil_does_it() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 81), dtype=np.uint8)
    middle = Image.fromarray(pixels[:, 15:65])
    expected = np.asarray(middle.resize((16, 16), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(square(Image.fromarray(pixels), 16), expected)


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_a_reduced_picture_gives_nearly_the_same(fit: Fit) -> None:
    # Sides that 4 does not divide: the reduced picture then covers a little more than the file.
    y, x = np.mgrid[:403, :602]
    pixels = (127 + 60 * np.sin(x / 40) + 60 * np.cos(y / 35)).astype(np.uint8)
    padded = np.pad(pixels, ((0, 1), (0, 2)), mode="edge")
    reduced = padded.reshape(101, 4, 151, 4).mean((1, 3)).round().astype(np.uint8)
    full = square(Image.fromarray(pixels), 48, fit=fit)
    near = square(Image.fromarray(reduced), 48, fit=fit, full=(602, 403))
    difference = np.abs(full.astype(int) - near)
    # A picture shifted by one reduced pixel would be wrong by 2.3 levels on average.
    assert difference.mean() < 0.4
    assert difference.max() <= 6
