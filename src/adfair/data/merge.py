"""Several cohorts as one, so that a model can be trained on all of them."""

import os
import warnings
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd

from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.data.schema import CohortInfo
from adfair.data.staging import keep_inputs, kept_lists, kept_note, staged_folder
from adfair.errors import ConfigError, DataError

_SAME_IDS = 0.05
"""Share of the smaller cohort's patient ids from which equal ones are named (our choice)."""


def merge(
    sources: Sequence[Path | str],
    *,
    out: Path | str,
    common: bool = False,
    force: bool = False,
    note: Callable[[str], None] = warnings.warn,
) -> Cohort:
    """Write one cohort with the rows of several.

    Image, patient and study ids get the cohort's name in front (``nih/p12``), so that equal ids of two hospitals stay
    two people. Splits keep their names. Images stay where they are.

    Args:
        sources: two or more cohorts with different names.
        out: the new cohort.
        common: keep the findings and attributes that all cohorts have; without it they must be the same.
        force: replace a cohort that is there; its ``exclude_patients`` are kept.
        note: called with each sentence that a user must know; by default it is a warning.

    Raises:
        ConfigError: fewer than two cohorts, two of one name, findings or attributes that differ, or none in common;
            groups of an attribute that are written in two ways.
        DataError: ``out`` is or holds one of them; only some of the cohorts have reports; an image file belongs to two;
            a list of ``exclude_patients`` that ``out`` names has gone.
    """
    cohorts = [load_cohort(source) for source in sources]
    keep_inputs(Path(out), [folder for cohort in cohorts for folder in (cohort.root, cohort.image_root)])
    lists = kept_lists(Path(out)) if force else []
    _require_distinct(cohorts)
    findings, attributes = _columns(cohorts, common=common)
    roots = [cohort.image_root.resolve() for cohort in cohorts]
    base = Path(os.path.commonpath(roots))
    table = pd.concat(
        [
            _renamed(cohort, os.path.relpath(root, base), [*findings, *attributes])
            for cohort, root in zip(cohorts, roots, strict=True)
        ],
        ignore_index=True,
    )
    _require_own_images(table, base)
    info = CohortInfo(
        name="+".join(cohort.info.name for cohort in cohorts),
        findings=findings,
        attributes=attributes,
        splits=list(dict.fromkeys(split for cohort in cohorts for split in cohort.info.splits)),
        source="; ".join(f"{cohort.info.name}: {cohort.info.source}" for cohort in cohorts),
        licence="; ".join(f"{cohort.info.name}: {cohort.info.licence}" for cohort in cohorts),
        image_root=str(base),
        exclude_patients=lists,
    )
    with staged_folder(Path(out), force=force) as staging:
        write_cohort(staging, info, table)
    for sentence in [*_same_ids(cohorts), *kept_note(lists)]:
        note(sentence)
    return load_cohort(out)


def _require_distinct(cohorts: list[Cohort]) -> None:
    names = [cohort.info.name for cohort in cohorts]
    if len(cohorts) < 2 or len(set(names)) < len(names):
        raise ConfigError("merge takes two or more cohorts, each with a name of its own in cohort.yaml")
    for name in names:
        for other in names:
            # 'a' with image 'b/1' and 'a/b' with image '1' would give one id to two people.
            if other.startswith(f"{name}/"):
                raise ConfigError(
                    f"ids of '{name}' and '{other}' could be equal; rename one in its cohort.yaml"
                )
    for cohort in cohorts:
        if cohort.info.exclude_patients:
            raise ConfigError(
                f"{cohort.root}: names exclude_patients, which would be lost; merge first, then draw balanced sets"
            )
        if cohort.has_reports != cohorts[0].has_reports:
            raise DataError.at(
                "has reports and another cohort has none (or the reverse)",
                file=cohort.root,
                remedy="Give all of them reports, or empty the column in all.",
            )


def _require_own_images(table: pd.DataFrame, base: Path) -> None:
    shared = table["image_path"][
        table["image_path"].duplicated() & ~table.duplicated(["patient_id", "image_path"])
    ]
    if len(shared):
        raise DataError.at(
            f"{len(shared):,} image files are in two of the cohorts",
            file=base,
            column="image_path",
            remedy="The same patients would count twice; leave one of the cohorts out.",
        )


def _same_ids(cohorts: list[Cohort]) -> list[str]:
    """A note for every two cohorts that share many patient ids: of one hospital, those would be the same people."""
    patients = {cohort.info.name: set(cohort.table["patient_id"]) for cohort in cohorts}
    notes = []
    for (name, own), (other, theirs) in combinations(patients.items(), 2):
        shared, smaller = len(own & theirs), min(len(own), len(theirs))
        if shared >= _SAME_IDS * smaller:
            notes.append(
                f"{shared:,} of {smaller:,} patient ids are in both '{name}' and '{other}' and become two people each. "
                "If they are the same people, one could be in two splits: import their images as one cohort instead, or "
                "take them out of one."
            )
    return notes


def _columns(cohorts: list[Cohort], *, common: bool) -> tuple[list[str], dict[str, list[str]]]:
    """Findings and attributes of the merged cohort; groups of an attribute are those of any cohort."""
    first = cohorts[0].info
    findings = [f for f in first.findings if all(f in c.info.findings for c in cohorts)]
    names = [a for a in first.attributes if all(a in c.info.attributes for c in cohorts)]
    for cohort in cohorts:
        extra = set(cohort.info.findings) - set(findings) | set(cohort.info.attributes) - set(names)
        if extra and not common:
            raise ConfigError(
                f"'{cohort.info.name}' has {', '.join(sorted(extra))}, which not all of the cohorts have: "
                "rename in the imports, or keep what all have with --common"
            )
    if not findings:
        raise ConfigError("the cohorts have no finding in common")
    return findings, {name: _groups(cohorts, name) for name in names}


def _groups(cohorts: list[Cohort], attribute: str) -> list[str]:
    """The groups of any cohort. Refuses those that are the same people under two names."""
    declared = [cohort.info.attributes[attribute] for cohort in cohorts]
    groups = list(dict.fromkeys(group for each in declared for group in each))
    strangers = any(set(declared[0]).isdisjoint(each) for each in declared[1:])
    if strangers or len({group.casefold() for group in groups}) < len(groups):
        listed = " against ".join(", ".join(each) for each in declared)
        raise ConfigError(f"'{attribute}' is written in two ways ({listed}): rename its groups in one import")
    return groups


def _renamed(cohort: Cohort, folder: str, columns: list[str]) -> pd.DataFrame:
    core = ["image_id", "patient_id", "study_id", "image_path", "report", "split", "view", "age"]
    table = cohort.table[list(dict.fromkeys([*core, *columns]))].copy()
    for name in ("image_id", "patient_id", "study_id"):
        table[name] = (cohort.info.name + "/" + table[name]).where(table[name].ne(""), "")
    if folder != ".":
        table["image_path"] = folder + "/" + table["image_path"]
    return table
