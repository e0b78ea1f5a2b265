"""Who is in a split: patients, their acquisition, their findings. Everything is an array of one row an image."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from adfair.data.synthetic.presets import FINDINGS, RACE_TIES, RACES, SEX_TIES, SEXES, Preset

BASE_LOGIT = float(np.log(0.25 / 0.75))  # a quarter of images show each finding where nothing is tied
IMAGES_A_PATIENT = 1.25
# The races' mean acquisition: corners of an equilateral triangle on the unit circle.
CORNERS = np.array([[np.cos(a), np.sin(a)] for a in np.deg2rad([90.0, 210.0, 330.0])])


@dataclass(frozen=True)
class People:
    """Draws of one split. Shapes: N images, F findings."""

    patient: np.ndarray  # [N] int, patient number within the split
    race: np.ndarray  # [N] int, index into RACES
    sex: np.ndarray  # [N] int, index into SEXES
    age: np.ndarray  # [N] int years
    acquisition: np.ndarray  # [N, 2] latents: exposure curve, fine texture
    present: np.ndarray  # [N, F] bool, what the image shows
    severity: np.ndarray  # [N, F] in (.45, 1.3)
    side: np.ndarray  # [N, F] -1 patient's right, +1 patient's left

    def __len__(self) -> int:
        return len(self.race)


def finding_probability(race: np.ndarray, sex: np.ndarray, *, rho: float, rho_sex: float) -> np.ndarray:
    """P(finding | race, sex), [N, F]: a quarter, moved in log-odds by the ties. Zero ``rho`` unties them."""
    return expit(BASE_LOGIT + rho * RACE_TIES[:, race].T + rho_sex * SEX_TIES[:, sex].T)


def _finish(
    rng: np.random.Generator,
    preset: Preset,
    patient: np.ndarray,
    race: np.ndarray,
    sex: np.ndarray,
    present: np.ndarray,
) -> People:
    n_patients = int(patient.max()) + 1
    latent = rng.standard_normal((n_patients, 2))
    spread = np.asarray(preset.race_sd)[race][:, None]
    shape = (len(race), len(FINDINGS))
    return People(
        patient=patient,
        race=race,
        sex=sex,
        age=np.clip(rng.normal(62, 15, n_patients), 18, 95).astype(int)[patient],
        acquisition=CORNERS[race] + spread * latent[patient],
        present=present,
        severity=1.3 * rng.uniform(0.35, 1.0, shape),
        side=rng.choice([-1, 1], shape),
    )


def natural(rng: np.random.Generator, preset: Preset, n: int) -> People:
    """A split as a hospital would have it: the preset's mix and ties; some patients come twice."""
    n_patients = max(1, round(n / IMAGES_A_PATIENT))
    patient = np.arange(n) % n_patients
    race = rng.choice(len(RACES), n_patients, p=preset.mix)[patient]
    sex = rng.integers(len(SEXES), size=n_patients)[patient]
    chance = finding_probability(race, sex, rho=preset.rho, rho_sex=preset.rho_sex)
    return _finish(rng, preset, patient, race, sex, rng.random(chance.shape) < chance)


def balanced(
    rng: np.random.Generator, preset: Preset, n: int, *, rho: float = 0.0, rho_sex: float = 0.0
) -> People:
    """Equal race x sex cells, one image a patient; findings independent of both unless ``rho`` ties them."""
    cell = rng.permutation(np.arange(n) % (len(RACES) * len(SEXES)))
    race, sex = cell // len(SEXES), cell % len(SEXES)
    chance = finding_probability(race, sex, rho=rho, rho_sex=rho_sex)
    return _finish(rng, preset, np.arange(n), race, sex, rng.random(chance.shape) < chance)


def five_by(rng: np.random.Generator, preset: Preset, per_cell: int) -> People:
    """Exactly one finding an image, ``per_cell`` images for every finding x race x sex (15: FCXP 5x90)."""
    grid = np.indices((len(FINDINGS), len(RACES), len(SEXES), per_cell)).reshape(4, -1)
    finding, race, sex, _ = grid[:, rng.permutation(grid.shape[1])]
    present = finding[:, None] == np.arange(len(FINDINGS))
    return _finish(rng, preset, np.arange(len(race)), race, sex, present)
