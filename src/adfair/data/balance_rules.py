"""Which image qualifies for which finding: the rules by which published balanced test sets were made.

``gloria``: GLoRIA's CheXpert 5x200 (Huang et al. 2021, the code that made it): the finding is 1 and every other one 0
or empty. Only empty cells were filled, so an uncertain one excludes the image. No Finding is not looked at. Frontal.

``medclip``: the script around MedCLIP's 5x200 (Wang et al. 2022): uncertain counts as absent first, any view, and the
set is a random half of twice as many for each finding, so that findings are only about equally frequent. With groups,
which it does not know, each cell is drawn whole (our choice).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from adfair.data.manifest import labels
from adfair.errors import ConfigError

FIVE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
NO_FINDING = "No Finding"
_FRONTAL = r"\s*(?:AP|PA|FRONTAL)(?:\W.*)?"


@dataclass(frozen=True)
class Rule:
    """One way to choose.

    Attributes:
        text: what it says, for the certificate.
        uncertain_is_absent: -1 counts as 0 instead of excluding the image.
        frontal: only images whose view is AP, PA or frontal.
        halves: draw twice as many for each finding and keep half of all, where cells are findings alone.
    """

    text: str
    uncertain_is_absent: bool = False
    frontal: bool = True
    halves: bool = False


RULES = {
    "gloria": Rule(
        text="the finding is 1 and every other finding 0 or empty; -1 excludes; No Finding is not tested; frontal"
    ),
    "medclip": Rule(
        text="-1 counts as 0; the finding is 1 and every other finding 0 or empty; No Finding is not tested; any view; "
        "without groups a random half of twice as many",
        uncertain_is_absent=True,
        frontal=False,
        halves=True,
    ),
}


@dataclass(frozen=True)
class Preset:
    """A published design. ``attributes`` are those that its cells are made of."""

    summary: str
    rule: str
    findings: tuple[str, ...]
    attributes: tuple[str, ...]
    per_cell: int
    seed: int | None = None
    one_a_patient: bool = True


PRESETS = {
    "fcxp-5x90": Preset("5 findings x 3 races x 2 sexes x 15 images", "gloria", FIVE, ("race", "sex"), 15),
    "chexpert-5x200-gloria": Preset(
        "200 images a finding, by GLoRIA's rule; a patient may come twice",
        "gloria",
        FIVE,
        (),
        200,
        None,
        False,
    ),
    "chexpert-5x200-medclip": Preset(
        "1,000 images of 5 findings, by MedCLIP's rule; a patient may come twice",
        "medclip",
        FIVE,
        (),
        200,
        42,
        False,
    ),
}


def get_rule(name: str) -> Rule:
    """Raises ConfigError naming the rules there are."""
    if name not in RULES:
        raise ConfigError(f"no rule '{name}'; there are: {', '.join(RULES)}")
    return RULES[name]


def get_preset(name: str) -> Preset:
    """Raises ConfigError naming the presets there are."""
    if name not in PRESETS:
        raise ConfigError(f"no preset '{name}'; there are: {', '.join(PRESETS)}")
    return PRESETS[name]


def is_frontal(views: pd.Series) -> pd.Series:
    """True for AP, PA and frontal views, whatever stands behind the word; unknown views are not."""
    return views.str.fullmatch(_FRONTAL, case=False)


def target(table: pd.DataFrame, findings: list[str], *, all_findings: list[str], rule: Rule) -> pd.Series:
    """The one finding that each image stands for; empty where it stands for none.

    Args:
        table: [N] rows of a cohort.
        findings: those of the design.
        all_findings: every finding of the cohort; the others than the target must be absent.
    """
    tested = [name for name in all_findings if name != NO_FINDING]
    values = labels(table, tested)
    if rule.uncertain_is_absent:
        values = np.where(values == -1, 0.0, values)
    present = values == 1
    alone = (present.sum(axis=1) == 1) & ~(values == -1).any(axis=1)
    names = np.array(tested, dtype=object)[present.argmax(axis=1)]
    return pd.Series(np.where(alone & np.isin(names, findings), names, ""), index=table.index)
