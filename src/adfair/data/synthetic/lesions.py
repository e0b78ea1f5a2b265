"""How the five findings look. Each is drawn with its severity, so that mild ones are easy to miss."""

from dataclasses import dataclass

import numpy as np

from adfair.data.synthetic.population import People

# Brightness of a finding of severity 1: how visible each is. Pinned so that plain CLIP on the default
# preset reaches the difficulty stated in docs/synthetic.md.
STRENGTH = {"atelectasis": 0.175, "heart": 0.2, "consolidation": 0.235, "edema": 0.088, "effusion": 0.29}


@dataclass(frozen=True)
class Lesions:
    """What findings change: brightness to add, how far each half of the diaphragm rises, how large the heart is."""

    haze: np.ndarray  # [B, S, S]
    lift: np.ndarray  # [B, 2] right, left
    heart_scale: np.ndarray  # [B, 1, 1]


def _column(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None, None]


def _spot(
    x: np.ndarray, y: np.ndarray, cx: np.ndarray | float, cy: np.ndarray | float, rx: float, ry: float
) -> np.ndarray:
    return np.exp(-(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2))


def atelectasis(
    rng: np.random.Generator,
    amount: np.ndarray,
    side: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    shift: np.ndarray,
    base: np.ndarray,
) -> np.ndarray:
    """Plate-like bands in a patch of dense lung above the diaphragm of one side."""
    n = len(amount)
    slope, height = rng.normal(0, 0.25, (2, n, 1, 1)).astype(np.float32)
    across = x - shift - 0.42 * side
    centre = base - 0.16 + 0.12 * height
    band = np.exp(-(((y - centre - slope * across) / 0.05) ** 2)) * np.exp(-((across / 0.22) ** 2))
    lower = np.exp(-(((y - centre - 0.11 - 0.5 * slope * across) / 0.04) ** 2)) * np.exp(
        -((across / 0.17) ** 2)
    )
    density = _spot(across, y, 0.0, centre + 0.06, 0.26, 0.15)  # lung that has lost its air
    return amount * (band + 0.7 * lower + 0.35 * density)


def consolidation(
    rng: np.random.Generator,
    amount: np.ndarray,
    side: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    shift: np.ndarray,
) -> np.ndarray:
    """A fluffy patch somewhere in one lung, made of three overlapping clouds."""
    n = len(amount)
    cx = shift + side * (0.42 + 0.10 * rng.standard_normal((n, 1, 1)))
    cy = rng.uniform(-0.42, 0.28, (n, 1, 1))
    patch = np.zeros((n, *np.broadcast(x, y).shape[1:]), np.float32)
    for _ in range(3):
        dx, dy = rng.normal(0, 0.07, (2, n, 1, 1))
        patch += _spot(x, y, (cx + dx).astype(np.float32), (cy + dy).astype(np.float32), 0.15, 0.14)
    return amount * np.minimum(patch, 1.2)


def edema(amount: np.ndarray, x: np.ndarray, y: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Haze around both hila, denser centrally, with short horizontal lines at the lung edge."""
    out = np.abs(x - shift)
    wings = _spot(out, y, 0.24, -0.02, 0.22, 0.34)
    lines = 0.35 * (np.cos(2 * np.pi * y / 0.085) > 0.55) * _spot(out, y, 0.66, 0.25, 0.10, 0.25)
    return amount * (wings + 0.25 + lines)


def effusion(
    amount: np.ndarray, side: np.ndarray, x: np.ndarray, y: np.ndarray, shift: np.ndarray, base: np.ndarray
) -> np.ndarray:
    """Fluid with a meniscus: fills the angle beside the diaphragm and climbs along the chest wall."""
    across = np.clip(side * (x - shift) - 0.12, 0, 1)
    level = base + 0.06 - amount * (0.33 + 0.85 * across**2)
    return (
        np.clip((y - level) / 0.10, 0, 1)
        * np.clip(amount / STRENGTH["effusion"], 0, 1)
        * (side * (x - shift) > 0)
    )


def draw_findings(
    rng: np.random.Generator,
    people: People,
    *,
    x: np.ndarray,
    y: np.ndarray,
    shift: np.ndarray,
    base: np.ndarray,
) -> Lesions:
    """Draw every finding of a chunk.

    Args:
        people: B rows; columns of ``present`` follow FINDINGS.
        x, y: pixel coordinates [1, S, S]; shift, base: [B, 1, 1] midline and height of the diaphragm.
    """
    load = people.present * people.severity
    collapse, heart, patch, water, fluid = (_column(load[:, f]) for f in range(load.shape[1]))
    sides = [_column(people.side[:, f]) for f in range(load.shape[1])]
    haze = atelectasis(rng, STRENGTH["atelectasis"] * collapse, sides[0], x, y, shift, base)
    haze += consolidation(rng, STRENGTH["consolidation"] * patch, sides[2], x, y, shift)
    haze += edema(STRENGTH["edema"] * water, x, y, shift)
    haze += 0.36 * effusion(STRENGTH["effusion"] * fluid, sides[4], x, y, shift, base)
    on_side = np.stack([people.side[:, 0] < 0, people.side[:, 0] > 0], axis=1)
    lift = (0.10 * load[:, 0, None] * on_side).astype(np.float32)
    return Lesions(haze=haze.astype(np.float32), lift=lift, heart_scale=1 + STRENGTH["heart"] * heart)
