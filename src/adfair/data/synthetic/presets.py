"""Named synthetic populations: which bias each holds, as one frozen record of knobs."""

from dataclasses import dataclass, replace

import numpy as np

FINDINGS = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
RACES = ("Asian", "Black", "White")
SEXES = ("F", "M")
ATTRIBUTES = {"race": list(RACES), "sex": list(SEXES)}

# Which finding is falsely tied to which group: rows follow FINDINGS, columns RACES or SEXES.
# Every group is favoured and disfavoured about equally often, so no group has more findings overall.
RACE_TIES = np.array([[1, -1, 0], [-1, 1, 0], [0, 1, -1], [0, -1, 1], [1, 0, -1]], dtype=float)
SEX_TIES = np.array([[0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [-0.5, 0.5], [0.0, 0.0]], dtype=float)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Knobs of one population. ``rho`` are log-odds; the rest are shares or standard deviations.

    Attributes:
        rho: strength of the tie between findings and race in the training data (log-odds).
        rho_sex: the same for sex.
        mix: share of each race, in the order of RACES.
        race_sd: spread of the two acquisition latents within each race (their means lie on a unit circle).
        under_reporting: share of Black patients' findings that reports leave out.
        extra_noise: additional image noise of Black patients (share of full scale).
        mention: share of reports that name age, race and sex.
    """

    summary: str
    rho: float = 0.0
    rho_sex: float = 0.0
    mix: tuple[float, float, float] = (0.20, 0.25, 0.55)
    race_sd: tuple[float, float, float] = (0.35, 0.35, 0.35)
    under_reporting: float = 0.0
    extra_noise: float = 0.0
    mention: float = 0.30

    def ceiling(self) -> "Preset":
        """The same population and images, with the bias taken out of the training data."""
        return replace(self, rho=0.0, rho_sex=0.0, under_reporting=0.0)


_EQUAL = (1 / 3, 1 / 3, 1 / 3)

PRESETS: dict[str, Preset] = {
    "default": Preset(summary="findings tied to race and sex in the training data", rho=1.5, rho_sex=1.0),
    "wide": Preset(
        summary="stronger ties, and acquisition that varies far more in some groups",
        rho=2.0,
        rho_sex=1.0,
        mix=(0.20, 0.15, 0.65),
        race_sd=(1.1, 0.8, 0.2),
    ),
    "none": Preset(summary="no bias of any kind; groups of equal size", mix=_EQUAL),
    "weak": Preset(summary="ties of half the default strength", rho=0.75, rho_sex=0.5),
    "extreme": Preset(summary="ties of twice the default strength", rho=3.0, rho_sex=1.0),
    "under_reporting": Preset(summary="reports omit 40 % of Black patients' findings", under_reporting=0.4),
    "minority": Preset(summary="two small groups: 85 / 10 / 5 %", mix=(0.05, 0.10, 0.85)),
    "quality": Preset(summary="noisier images of Black patients", extra_noise=0.06),
}
