"""A chest film drawn from a handful of curves: anatomy first, then findings, then acquisition.

Coordinates: x to the viewer's right (the patient's left), y downwards, both in [-1, 1]. Intensities: 0 is
black (air), 1 is white (bone, fluid). All images of a chunk are drawn at once; arrays are [B, S, S] float32.
"""

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from adfair.data.synthetic.lesions import draw_findings
from adfair.data.synthetic.population import People

SIZE = 64
CHUNK = 50  # images drawn together: large enough to vectorise, small enough for the processor's cache
_FIELDS = 128


def ramp(distance: np.ndarray, softness: float) -> np.ndarray:
    """0 outside, 1 inside, linear over ``softness`` around a signed distance (positive inside)."""
    return np.clip(distance / np.float32(softness) + np.float32(0.5), 0, 1)


@lru_cache(maxsize=1)
def grid() -> tuple[np.ndarray, np.ndarray]:
    """x and y of every pixel, each [1, S, S]."""
    axis = ((np.arange(SIZE) + 0.5) / SIZE * 2 - 1).astype(np.float32)
    return np.broadcast_to(axis[None, None, :], (1, SIZE, SIZE)), np.broadcast_to(
        axis[None, :, None], (1, SIZE, SIZE)
    )


@lru_cache(maxsize=4)
def noise_bank(kind: str) -> np.ndarray:
    """Unit-variance random fields [_FIELDS, S, S]: 'cloud' (anatomical clutter), 'vessel', 'fine' (texture)."""
    rng = np.random.default_rng({"cloud": 1, "vessel": 2, "fine": 3}[kind])
    white = rng.standard_normal((_FIELDS, SIZE, SIZE))
    if kind == "cloud":
        field = gaussian_filter(white, (0, 4.0, 4.0), mode="wrap")
    elif kind == "vessel":
        thin = gaussian_filter(white, (0, 1.1, 1.1), mode="wrap")
        field = -np.abs(thin)  # ridges along the zero lines: branching, thread-like
    else:
        field = white - gaussian_filter(white, (0, 0.8, 0.8), mode="wrap")
    field -= field.mean((1, 2), keepdims=True)
    return (field / field.std((1, 2), keepdims=True)).astype(np.float32)


def pick(rng: np.random.Generator, kind: str, n: int) -> np.ndarray:
    """``n`` random fields of a bank, mirrored at random, [n, S, S]."""
    field = noise_bank(kind)[rng.integers(_FIELDS, size=n)]
    mirrored = rng.random(n) < 0.5
    field[mirrored] = field[mirrored, :, ::-1]
    return field


class Body:
    """Geometry of a chunk's chests: one value an image, each [B, 1, 1]."""

    def __init__(self, rng: np.random.Generator, people: People) -> None:
        n = len(people)
        male = (people.sex == 1)[:, None, None].astype(np.float32)

        def around(mean: np.ndarray | float, sd: float) -> np.ndarray:
            return (mean + sd * rng.standard_normal((n, 1, 1))).astype(np.float32)

        self.female = 1 - male
        self.shift = around(0.0, 0.035)
        self.width = around(0.385 + 0.03 * male, 0.018)
        self.apex = around(-0.80, 0.035)
        self.base = around(0.44 + 0.05 * male, 0.045)
        self.heart = around(0.315 + 0.02 * male, 0.024)
        self.breast = around(0.13, 0.03) * self.female
        self.rib_phase = around(0.0, 0.25)
        self.rib_gap = around(0.185, 0.008)


def lungs(body: Body, *, lift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Soft masks of the patient's right and left lung; ``lift`` [B, 2] raises each half of the diaphragm."""
    x, y = grid()
    masks = []
    for index, side in enumerate((-1, 1)):
        centre = body.shift + side * (body.width + 0.02)
        along = np.clip((y - body.apex) / 1.3, 0, 1)
        half = 0.17 + 0.21 * np.sqrt(along)
        across = (x - centre - side * 0.05 * along) / half
        dome = body.base - 0.05 * (side < 0) - lift[:, index, None, None] + 0.20 * across**2
        top = body.apex + 0.18 * across**2
        edge = np.minimum(np.minimum((1 - np.abs(across)) * half, dome - y), y - top)
        masks.append(ramp(edge, 0.07))
    return masks[0], masks[1]


def skeleton(body: Body) -> np.ndarray:
    """Ribs, clavicles and spine, as brightness to add."""
    x, y = grid()
    out = np.abs(x - body.shift)
    arc = y - 0.62 * np.sqrt(out + 0.02) + 0.62 * out**2
    wave = np.cos((2 * np.pi) * (arc / body.rib_gap + body.rib_phase))
    ribs = (
        0.15
        * np.clip(wave - 0.15, 0, 1)
        * ramp(0.90 - out, 0.1)
        * ramp(out - 0.12, 0.08)
        * ramp(0.62 - y, 0.3)
    )
    front = np.cos((2 * np.pi) * ((y + 0.55 * out) / (1.15 * body.rib_gap) + body.rib_phase))
    ribs += 0.055 * np.clip(front - 0.3, 0, 1) * ramp(out - 0.3, 0.2) * ramp(0.86 - out, 0.1)
    clavicle = (
        ramp(0.03 - np.abs(y + 0.63 + 0.20 * (out - 0.2)), 0.04)
        * ramp(out - 0.1, 0.05)
        * ramp(0.75 - out, 0.2)
    )
    discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / 0.16)
    spine = ramp(0.085 - out, 0.05) * (0.07 + 0.05 * discs)
    return ribs + 0.17 * clavicle + spine


def soft_tissue(body: Body, heart_scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The trunk (0 outside the body) and the mediastinum with heart and aortic knob, both soft masks."""
    x, y = grid()
    out = np.abs(x - body.shift)
    shoulder = y + 1.02 - 0.42 * np.clip(out - 0.22, 0, None) ** 1.1
    trunk = ramp(np.minimum(shoulder, 0.99 - out + 0.02 * y), 0.06)
    radius = body.heart * heart_scale
    # An egg lying on the diaphragm, long axis towards the patient's left hip, mostly left of the midline.
    u, v = x - body.shift - 0.36 * radius, y - body.base + 0.62 * radius
    long, short = 0.80 * u + 0.60 * v, 0.80 * v - 0.60 * u
    heart = ramp(1 - np.sqrt((long / (1.12 * radius)) ** 2 + (short / (0.82 * radius)) ** 2), 0.20)
    knob = ramp(0.085 - np.hypot(x - body.shift - 0.12, y + 0.30), 0.06)
    column = ramp(0.115 + 0.05 * ramp(y, 1.5) - out, 0.06)
    return trunk, np.maximum(np.maximum(heart, 0.8 * knob), column)


def anatomy(rng: np.random.Generator, people: People) -> np.ndarray:
    """Films before acquisition: trunk, lungs, heart, bones, breasts and the findings drawn into them."""
    body = Body(rng, people)
    x, y = grid()
    lesions = draw_findings(rng, people, x=x, y=y, shift=body.shift, base=body.base)
    right, left = lungs(body, lift=lesions.lift)
    lung = np.maximum(right, left)
    trunk, middle = soft_tissue(body, lesions.heart_scale)
    out = np.abs(x - body.shift)
    vessels = pick(rng, "vessel", len(people)) * (0.028 + 0.035 * np.exp(-((out - 0.22) ** 2 + y**2) / 0.12))
    air = lung * (1 - middle)
    film = 0.60 * trunk + 0.10 * ramp(y - 0.35, 0.9) * trunk
    film += air * (-0.42 + 0.05 * ramp(out - 0.3, 0.6) + vessels + lesions.haze)
    film += (1 - lung) * lesions.haze * 0.15
    film += 0.10 * middle + skeleton(body) * trunk * (0.45 + 0.55 * lung)
    film -= 0.13 * ramp(0.05 - np.abs(x - body.shift - 0.01), 0.05) * ramp(-0.28 - y, 0.15) * trunk
    fold = (np.hypot((out - 0.52) / 0.34, (y - 0.38) / 0.26)).astype(np.float32)
    film += body.breast * ramp(1 - fold, 0.35) * lung
    film += 0.045 * pick(rng, "cloud", len(people)) * trunk
    return np.maximum(film, 0.02)


def acquire(
    rng: np.random.Generator, film: np.ndarray, people: People, extra_noise: np.ndarray
) -> np.ndarray:
    """What the detector makes of it: exposure curve and fine texture by the latents, noise; uint8 [B, S, S]."""
    n = len(people)
    curve, texture = people.acquisition.astype(np.float32).T[:, :, None, None]
    gain = (1 + 0.05 * rng.standard_normal((n, 1, 1))).astype(np.float32)
    film = np.clip(film * gain, 0.004, 1) ** np.exp(0.26 * curve)
    film += 0.016 * np.exp(0.7 * texture) * pick(rng, "fine", n)
    sigma = np.float32(0.022) + extra_noise.astype(np.float32)[:, None, None]
    film += sigma * rng.standard_normal(film.shape, dtype=np.float32)
    return (np.clip(film, 0, 1) * 255 + 0.5).astype(np.uint8)


def draw(rng: np.random.Generator, people: People, extra_noise: np.ndarray) -> np.ndarray:
    """Films of one chunk, uint8 [B, S, S]. ``extra_noise`` [B] is a share of full scale."""
    return acquire(rng, anatomy(rng, people), people, extra_noise)
