"""The cohorts of a sweep: folders of the user's, or synthetic populations drawn once a seed."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adfair import __version__
from adfair.data.balance_certificate import list_hash
from adfair.data.exclusion import read_patients
from adfair.data.schema import read_info
from adfair.data.staging import replace_file
from adfair.data.synthetic import ATTRIBUTES, PRESETS, SPLITS, synth
from adfair.errors import ConfigError
from adfair.workflows.sweep_file import Protocols, Synthetic

TEST_SETS: dict[str, Protocols] = {
    "test": ["zero_shot", "linear_probe", "leakage"],
    "test_reversed": ["zero_shot"],
}
PROBE = "probe"
DRAWN_FILE = "drawn.json"


@dataclass(frozen=True, kw_only=True)
class CohortPlan:
    """One cohort at one seed.

    Attributes:
        folder: where it is, or will be drawn.
        drawn: the population to draw, or ``None`` where the folder is the user's.
        identity: what it is, with the patients that it keeps from training; figures of another cohort are other figures.
        splits, attributes: what it declares.
    """

    name: str
    seed: int
    folder: Path
    drawn: Synthetic | None
    identity: Mapping[str, Any]
    splits: Sequence[str]
    attributes: Sequence[str]


def plan_cohort(name: str, source: Synthetic | Path, *, seed: int, folder: Path) -> CohortPlan:
    """Describe a cohort without drawing it.

    Args:
        folder: where a synthetic one belongs.

    Raises:
        ConfigError: unknown preset. DataError: the user's folder is no cohort, or a list that it names cannot be read.
    """
    if isinstance(source, Path):
        info = read_info(source)
        return CohortPlan(
            name=name,
            seed=seed,
            folder=source,
            drawn=None,
            identity={
                "manifest_sha256": info.manifest_sha256,
                **patients_identity([source / file for file in info.exclude_patients]),
            },
            splits=info.splits,
            attributes=list(info.attributes),
        )
    if source.preset not in PRESETS:
        known = ", ".join(PRESETS)
        raise ConfigError(f"sweep.cohorts.{name}: unknown preset '{source.preset}'; choose one of {known}")
    return CohortPlan(
        name=name,
        seed=seed,
        folder=folder,
        drawn=source,
        # The same seed gives the same bytes with one version of the drawing.
        identity={**source.model_dump(exclude_none=True), "seed": seed, "version": __version__},
        splits=SPLITS,
        attributes=list(ATTRIBUTES),
    )


def patients_identity(lists: Sequence[Path]) -> dict[str, str]:
    """The hash of the patients that lists keep from training, as a run records it; empty where there is no list.

    Where a list lies and how it is ordered do not count. Nothing is added without lists, so that the identity of runs
    that were made before is the same.

    Raises:
        DataError: a list that cannot be read.
    """
    if not lists:
        return {}
    return {"exclude_patients_sha256": list_hash(set().union(*map(read_patients, lists)))}


def plan_tests(asked: Mapping[str, Protocols] | None, cohort: CohortPlan) -> dict[str, Protocols]:
    """The test sets and protocols for a cohort: as asked, else those of ``TEST_SETS`` that it has.

    Raises:
        ConfigError: a test set or the probes' split is asked for and absent, or none is left.
    """
    probes = PROBE in cohort.splits
    if asked is None:
        found: dict[str, Protocols] = {
            name: [p for p in protocols if p != "leakage" or probes]
            for name, protocols in TEST_SETS.items()
            if name in cohort.splits
        }
    else:
        found = dict(asked)
    absent = [name for name in found if name not in cohort.splits]
    absent += [PROBE] if not probes and any("leakage" in protocols for protocols in found.values()) else []
    if absent or not found or not all(found.values()):
        what = f"no split '{absent[0]}'" if absent else "no test set, or one without a protocol"
        raise ConfigError(
            f"sweep.test_sets: cohort '{cohort.name}' has {what}; its splits are {', '.join(cohort.splits)}"
        )
    return found


def drawn_identity(cohort: CohortPlan) -> dict[str, Any] | None:
    """What the folder of a synthetic cohort holds, or ``None`` when it is absent or half-drawn."""
    record = cohort.folder / DRAWN_FILE
    return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None


def draw_cohort(cohort: CohortPlan) -> None:
    """Draw a synthetic cohort afresh; the record of what it is comes last, so that its absence shows a kill."""
    assert cohort.drawn is not None
    if cohort.folder.exists():
        (cohort.folder / DRAWN_FILE).unlink(missing_ok=True)
        shutil.rmtree(cohort.folder)
    synth(cohort.folder, seed=cohort.seed, **cohort.drawn.model_dump())
    replace_file(cohort.folder / DRAWN_FILE, (json.dumps(cohort.identity, indent=2) + "\n").encode())
