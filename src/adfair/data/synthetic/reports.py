"""Template reports: what is there, some of what is not, in several wordings; some name the patient's group.

Every report says something about findings, so that removing the words for age, race and sex never empties
one, and no sentence is kept for normal or for abnormal films alone.
"""

import numpy as np

from adfair.data.synthetic.population import People
from adfair.data.synthetic.presets import FINDINGS, RACES, SEXES, Preset

# The names of a finding are the same whether it is affirmed or denied: only the words around them tell.
_NAMES = {
    "Atelectasis": ("atelectasis", "basilar atelectasis"),
    "Cardiomegaly": ("cardiomegaly", "cardiac enlargement"),
    "Consolidation": ("consolidation", "airspace consolidation"),
    "Edema": ("edema", "pulmonary edema"),
    "Pleural Effusion": ("pleural effusion", "effusion"),
}
_ONE_SIDED = ("Atelectasis", "Consolidation", "Pleural Effusion")
_STATEMENTS = ("{}", "there is {}", "{} is seen")
_DENIALS = ("no {}", "no evidence of {}", "without {}", "there is no {}")
_DOUBTS = ("possible {}", "cannot exclude {}", "{} is suspected")
_SIZES = (("mild", "small"), ("moderate",), ("severe", "marked"))
_PERSONS = ("{age} year old {race} {sex}", "{race} {sex}, age {age}", "{race} {sex} aged {age}")
_SEX_WORDS = {"F": ("woman", "female"), "M": ("man", "male")}


def _choice(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.random() * len(options))]


def _positive(rng: np.random.Generator, finding: str, severity: float, side: int) -> str:
    name = _choice(rng, _NAMES[finding])
    if finding in _ONE_SIDED and rng.random() < 0.5:
        name = f"{'right' if side < 0 else 'left'} {name}"
    grade = 0 if severity < 0.75 else 1 if severity < 1.05 else 2
    if grade == 0 and rng.random() < 0.3:
        return _choice(rng, _DOUBTS).format(name)
    return (
        f"{_choice(rng, _SIZES[grade])} {name}"
        if rng.random() < 0.6
        else _choice(rng, _STATEMENTS).format(name)
    )


def _negative(rng: np.random.Generator, absent: list[str]) -> str:
    return _choice(rng, _DENIALS).format(" or ".join(_choice(rng, _NAMES[f]) for f in absent))


def _person(rng: np.random.Generator, age: int, race: str, sex: str) -> str:
    return _choice(rng, _PERSONS).format(age=age, race=race, sex=_choice(rng, _SEX_WORDS[sex]))


def reported(rng: np.random.Generator, people: People, preset: Preset, *, faithful: bool) -> np.ndarray:
    """Which findings the report states, [N, F] bool: all of them, or fewer where a group is under-reported."""
    if faithful or not preset.under_reporting:
        return people.present.copy()
    kept = rng.random(people.present.shape) >= preset.under_reporting
    return people.present & (kept | (people.race != RACES.index("Black"))[:, None])


def write_reports(
    rng: np.random.Generator, people: People, stated: np.ndarray, *, mention: float
) -> list[str]:
    """One report a row. ``stated`` [N, F] are the findings said to be there; omitted ones are not denied."""
    texts = []
    for row in range(len(people)):
        parts = [
            _positive(rng, FINDINGS[f], people.severity[row, f], people.side[row, f])
            for f in np.flatnonzero(stated[row])
        ]
        absent = [FINDINGS[f] for f in np.flatnonzero(~people.present[row])]
        absent = [absent[i] for i in rng.permutation(len(absent))]
        # A film whose every finding was omitted must still say something.
        wanted = max(int(rng.integers(0, 3)), 0 if parts else 1)
        if wanted and absent:
            parts.append(_negative(rng, absent[:wanted]))
        order = rng.permutation(len(parts))
        sentences = [parts[i] for i in order]
        if rng.random() < mention:
            sentences.insert(
                0, _person(rng, people.age[row], RACES[people.race[row]], SEXES[people.sex[row]])
            )
        texts.append(" ".join(f"{s[0].upper()}{s[1:]}." for s in sentences))
    return texts
