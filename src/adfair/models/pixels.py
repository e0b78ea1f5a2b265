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


def shortest_then_crop(image: np.ndarray, *, resize: int, crop: int, how: int = BICUBIC) -> np.ndarray:
    """Shorter side to ``resize``, then the central square of side ``crop``: torchvision's Resize and CenterCrop.

    Returns:
        uint8 [crop, crop]; zeros around an image smaller than the crop.
    """
    return centre_crop(shortest(image, size=resize, how=how), crop)


def shortest(image: np.ndarray, *, size: int, how: int = BICUBIC) -> np.ndarray:
    """Shorter side to ``size``, the longer cut down to a whole number."""
    height, width = image.shape
    new = (size, int(size * height / width)) if width <= height else (int(size * width / height), size)
    return _resized(image, new, how)


def longest(image: np.ndarray, *, size: int, how: int = BICUBIC) -> np.ndarray:
    """Longer side to ``size``, the shorter rounded, as open_clip and timm do."""
    height, width = image.shape
    ratio = max(height, width) / size
    return _resized(image, (round(width / ratio), round(height / ratio)), how)


def floor_crop(image: np.ndarray, side: int) -> np.ndarray:
    """Central square, halves cut down: transformers' crop."""
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def centre_crop(image: np.ndarray, side: int, *, fill: int = 0) -> np.ndarray:
    """Central square of an image padded where it is smaller; halves round to even, as in torchvision."""
    height, width = image.shape
    if height < side or width < side:
        left, top = max(side - width, 0) // 2, max(side - height, 0) // 2
        right, bottom = max(side - width + 1, 0) // 2, max(side - height + 1, 0) // 2
        image = np.pad(image, ((top, bottom), (left, right)), constant_values=fill)
        height, width = image.shape
    top, left = round((height - side) / 2), round((width - side) / 2)
    return image[top : top + side, left : left + side]


def squash(image: np.ndarray, *, size: int, how: int = BICUBIC) -> np.ndarray:
    """uint8 [size, size], both sides resized without regard to their ratio."""
    return _resized(image, (size, size), how)


def pad_square(image: np.ndarray, *, smallest: int = 0) -> np.ndarray:
    """uint8 [S, S], S the longer side or ``smallest``: zeros on both sides, the odd one right or below."""
    height, width = image.shape
    side = max(height, width, smallest)
    top, left = (side - height) // 2, (side - width) // 2
    return np.pad(image, ((top, side - height - top), (left, side - width - left)))


def longest_then_pad(image: np.ndarray, *, size: int, how: int = LANCZOS) -> np.ndarray:
    """uint8 [size, size]: longer side to ``size``, the shorter cut down to a whole number, zeros around it."""
    height, width = image.shape
    ratio = size / max(height, width)
    return pad_square(_resized(image, (int(width * ratio), int(height * ratio)), how))


def _resized(image: np.ndarray, size: tuple[int, int], how: int) -> np.ndarray:
    if size == (image.shape[1], image.shape[0]):
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling(how)))


def as_channels(grey: Tensor) -> Tensor:
    """[B, S, S] -> three equal channels [B, 3, S, S], channels last."""
    return grey[:, None].expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x - mean) / std for each channel of [B, 3, S, S]."""
    centre, spread = (torch.tensor(each, device=pixels.device).view(1, -1, 1, 1) for each in (mean, std))
    return (pixels - centre) / spread


def area_then_pad(image: np.ndarray, *, size: int) -> np.ndarray:
    """uint8 [size, size]: longer side to ``size`` by averaging areas, zeros around the shorter: OpenCV's INTER_AREA.

    Each new pixel is the mean of the old ones that it covers, by how much of each; enlarging is linear between them.
    Equal to OpenCV up to the rounding of exact halves.
    """
    height, width = image.shape
    ratio = size / max(height, width)
    new = (size, int(width * ratio)) if height >= width else (int(height * ratio), size)
    rows, columns = (_area(old, to) for old, to in zip(image.shape, new, strict=True))
    levels = np.rint(rows @ image.astype(np.float32) @ columns.T).clip(0, 255).astype(np.uint8)
    return pad_square(levels)


def _area(old: int, new: int) -> np.ndarray:
    """float32 [new, old]: what each old pixel counts in a new one; rows sum to 1."""
    scale = old / new
    edges, places = np.arange(new)[:, None] * scale, np.arange(old)[None]
    if scale >= 1:
        covered = np.minimum(edges + scale, places + 1) - np.maximum(edges, places)
        return (covered.clip(0) / scale).astype(np.float32)
    left = np.floor(edges[:, 0]).astype(int)
    share = ((np.arange(new) + 1) - (left + 1) / scale).clip(0)
    share = np.where(left + 1 < old, share - np.floor(share), 0.0)
    weights = np.zeros((new, old), np.float32)
    weights[np.arange(new), left] += 1 - share
    weights[np.arange(new), np.minimum(left + 1, old - 1)] += share
    return weights
