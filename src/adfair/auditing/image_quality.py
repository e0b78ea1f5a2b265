"""Image-quality proxies and whether they differ between groups: noise, sharpness, exposure, contrast."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_LAPLACIANS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)


def image_figures(images: np.ndarray) -> dict[str, np.ndarray]:
    """Proxies of each image, [N] in shares of the full grey range.

    Args:
        images: uint8 [N, S, S].

    Returns:
        ``exposure``: mean grey level. ``contrast``: 95th minus 5th percentile. ``sharpness``: mean absolute
        gradient over the contrast (NaN for a flat image). ``noise``: standard deviation of noise by Immerkaer
        1996, "Fast Noise Variance Estimation"; edges raise it, so it compares like images with like.
    """
    scaled = images.astype(np.float32) / 255
    low, high = np.percentile(scaled, [5, 95], axis=(1, 2))
    contrast = high - low
    across = np.abs(np.diff(scaled, axis=2)).mean((1, 2)) + np.abs(np.diff(scaled, axis=1)).mean((1, 2))
    windows = sliding_window_view(scaled, (3, 3), axis=(1, 2))
    laplacian = np.abs(np.einsum("nyxij,ij->nyx", windows, _LAPLACIANS))
    return {
        "exposure": scaled.mean((1, 2)).astype(float),
        "contrast": contrast.astype(float),
        "sharpness": np.where(
            contrast > 0, 0.5 * across / np.where(contrast > 0, contrast, 1), np.nan
        ).astype(float),
        "noise": (np.sqrt(np.pi / 2) / 6 * laplacian.mean((1, 2))).astype(float),
    }
