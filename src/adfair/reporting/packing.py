"""Many shares in few characters: a page of a thousand curves must stay a page."""

import numpy as np

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
STEPS = 4094
"""Shares are kept to 1/4094, finer than a line is thick; the value after it stands for undefined."""
_BYTES = np.frombuffer(DIGITS.encode("ascii"), dtype=np.uint8)


def pack(shares: np.ndarray) -> str:
    """Numbers in [0, 1] [N] as 2 N characters; NaN is kept as undefined. ``explore.js`` reads them back."""
    values = np.asarray(shares, dtype=float)
    assert not ((values < 0) | (values > 1)).any(), "only shares can be packed"
    codes = np.where(np.isnan(values), STEPS + 1, np.round(np.nan_to_num(values) * STEPS)).astype(int)
    return _BYTES[np.stack([codes >> 6, codes & 63], axis=-1)].tobytes().decode("ascii")


def unpack(text: str) -> np.ndarray:
    """The shares that ``pack`` wrote, to 1/8188."""
    digits = np.array([DIGITS.index(c) for c in text], dtype=int).reshape(-1, 2)
    codes = digits[:, 0] * 64 + digits[:, 1]
    return np.where(codes > STEPS, np.nan, codes / STEPS)
