"""Draw docs/phantom.png: ten phantom films without findings, then ten with each finding."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from adfair.data.synthetic.phantom import draw
from adfair.data.synthetic.population import balanced
from adfair.data.synthetic.presets import FINDINGS, PRESETS

COLUMNS, ZOOM = 10, 2

rng = np.random.default_rng(0)
people = balanced(rng, PRESETS["default"], COLUMNS)
rows = []
for finding in [None, *range(len(FINDINGS))]:
    shown = np.zeros_like(people.present)
    if finding is not None:
        shown[:, finding] = True
    films = draw(np.random.default_rng(1), replace(people, present=shown), np.zeros(COLUMNS))
    rows.append(np.concatenate(list(films), axis=1))
sheet = Image.fromarray(np.concatenate(rows))
sheet.resize((sheet.width * ZOOM, sheet.height * ZOOM), Image.Resampling.BICUBIC).save(
    Path(__file__).parent / "phantom.png"
)
