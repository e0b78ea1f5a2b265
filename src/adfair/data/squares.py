"""Any grey image as a square: its middle cropped, or the whole of it on black."""

import math
from typing import Literal

import numpy as np
from PIL import Image

Fit = Literal["crop", "pad"]
FITS: tuple[Fit, ...] = ("crop", "pad")


def square(
    image: Image.Image, size: int, *, fit: Fit = "crop", full: tuple[int, int] | None = None
) -> np.ndarray:
    """Resize with an antialiased bicubic filter.

    Args:
        image: mode L.
        size: side of the result in pixels.
        fit: ``crop`` keeps the central square; ``pad`` keeps everything, centred on black.
        full: width and height before a decoder reduced the image, by one factor both ways and rounding up.

    Returns:
        uint8 [size, size].
    """
    width, height = full or image.size
    if full is None and width == height == size:
        return np.asarray(image)
    shrink = round(max(width, height) / max(image.size))
    if fit == "pad":
        return _padded(image, size, width=width / shrink, height=height / shrink)
    side = min(width, height)
    left, top = ((width - side) // 2 / shrink, (height - side) // 2 / shrink)
    return _resized(image, (left, top, left + side / shrink, top + side / shrink), (size, size))


def _padded(image: Image.Image, size: int, *, width: float, height: float) -> np.ndarray:
    scale = size / max(width, height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    out = np.zeros((size, size), dtype=np.uint8)
    top, left = (size - down) // 2, (size - across) // 2
    out[top : top + down, left : left + across] = _resized(image, (0, 0, width, height), (across, down))
    return out


def _resized(image: Image.Image, box: tuple[float, ...], shape: tuple[int, int]) -> np.ndarray:
    # Cropped first: a filter over resize's own box would let in pixels from outside it.
    left, top = math.floor(box[0]), math.floor(box[1])
    cropped = image.crop((left, top, math.ceil(box[2]), math.ceil(box[3])))
    within = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
    return np.asarray(cropped.resize(shape, Image.Resampling.BICUBIC, box=within))
