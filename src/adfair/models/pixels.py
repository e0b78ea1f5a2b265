"""How published models make a film square and turn grey levels into numbers, step by step as their authors did.

Films are grey (uint8 [H, W]); where an author worked on three equal channels, one channel gives the same levels.
Antialiased filters are Pillow's, which torchvision, transformers and the authors' scripts use on images.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

BILINEAR, BICUBIC, LANCZOS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def shortest_then_crop(
    image: np.ndarray, *, resize: int, crop: int, how: Image.Resampling = BICUBIC
) -> np.ndarray:
    """Shorter side to ``resize``, then the central square of side ``crop``: torchvision's Resize and CenterCrop.

    Returns:
        uint8 [crop, crop]; zeros around an image smaller than the crop.
    """
    height, width = image.shape
    # The longer side is cut down to a whole number, as torchvision does.
    size = (
        (resize, int(resize * height / width)) if width <= height else (int(resize * width / height), resize)
    )
    return centre_crop(_resized(image, size, how), crop)


def centre_crop(image: np.ndarray, side: int) -> np.ndarray:
    """Central square of an image padded with zeros where it is smaller; halves round to even, as in torchvision."""
    height, width = image.shape
    if height < side or width < side:
        left, top = max(side - width, 0) // 2, max(side - height, 0) // 2
        right, bottom = max(side - width + 1, 0) // 2, max(side - height + 1, 0) // 2
        image = np.pad(image, ((top, bottom), (left, right)))
        height, width = image.shape
    top, left = round((height - side) / 2), round((width - side) / 2)
    return image[top : top + side, left : left + side]


def squash(image: np.ndarray, *, size: int, how: Image.Resampling = BICUBIC) -> np.ndarray:
    """uint8 [size, size], both sides resized without regard to their ratio."""
    return _resized(image, (size, size), how)


def pad_square(image: np.ndarray, *, smallest: int = 0) -> np.ndarray:
    """uint8 [S, S], S the longer side or ``smallest``: zeros on both sides, the odd one right or below."""
    height, width = image.shape
    side = max(height, width, smallest)
    top, left = (side - height) // 2, (side - width) // 2
    return np.pad(image, ((top, side - height - top), (left, side - width - left)))


def longest_then_pad(image: np.ndarray, *, size: int, how: Image.Resampling = LANCZOS) -> np.ndarray:
    """uint8 [size, size]: longer side to ``size``, the shorter cut down to a whole number, zeros around it."""
    height, width = image.shape
    ratio = size / max(height, width)
    return pad_square(_resized(image, (int(width * ratio), int(height * ratio)), how))


def _resized(image: np.ndarray, size: tuple[int, int], how: Image.Resampling) -> np.ndarray:
    if size == (image.shape[1], image.shape[0]):
        return image
    return np.asarray(Image.fromarray(image).resize(size, how))


def as_channels(grey: Tensor) -> Tensor:
    """[B, S, S] -> three equal channels [B, 3, S, S], channels last."""
    return grey[:, None].expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x - mean) / std for each channel of [B, 3, S, S]."""
    centre, spread = (torch.tensor(each, device=pixels.device).view(1, -1, 1, 1) for each in (mean, std))
    return (pixels - centre) / spread
