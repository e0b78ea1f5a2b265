"""Small random changes of a batch of films, the same for every channel."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

ROTATION, SCALE, SHIFT, TONE = math.radians(7.0), 0.10, 0.05, 0.20


def augment(
    images: Tensor, how: str, *, seed: int, step: int, part: slice = slice(None), of: int | None = None
) -> Tensor:
    """Rotate, scale, shift, mirror and change the tone of grey images.

    Args:
        images: float or uint8 [B, S, S], 0 to 255.
        seed, step: the draw is a function of both alone.
        part, of: which rows of a batch of how many these are; every row is drawn for by its place there.
        how: ``none`` (the images as they are), ``light``, or ``light_flip``, which also mirrors half of them
            (right for reports that name no side).

    Returns:
        float32 [B, S, S], 0 to 255.
    """
    if how == "none":
        return images
    maker = torch.Generator().manual_seed(seed * 1_000_003 + step)
    n = len(images)
    draws = 2 * torch.rand((7, n if of is None else of), generator=maker) - 1
    angle, zoom, dx, dy, gain, lift, coin = draws[:, part].to(images.device)
    zoom, mirror = (
        1 + SCALE * zoom,
        torch.where(coin < 0, -1.0, 1.0) if how == "light_flip" else torch.ones_like(coin),
    )
    cos, sin = torch.cos(ROTATION * angle) * zoom, torch.sin(ROTATION * angle) * zoom
    rows = torch.stack(
        [torch.stack([cos * mirror, -sin, SHIFT * dx], 1), torch.stack([sin * mirror, cos, SHIFT * dy], 1)], 1
    )
    field = F.affine_grid(rows, [n, 1, *images.shape[1:]], align_corners=False)
    warped = F.grid_sample(images[:, None].float(), field, padding_mode="border", align_corners=False)[:, 0]
    mean = warped.mean((1, 2), keepdim=True)
    toned = (warped - mean) * (1 + TONE * gain)[:, None, None] + mean * (1 + TONE * lift)[:, None, None]
    return toned.clamp(0, 255)
