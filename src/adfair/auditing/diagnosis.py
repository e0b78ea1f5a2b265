"""What biases a cohort holds, before anything is trained on it, and the remedy that follows.

diagnosis = diagnose("runs/cohort")
diagnosis.policy.reasons
diagnosis.tables["dependence"]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adfair.auditing.image_quality import image_figures
from adfair.auditing.reporting_gaps import GIVEN, group_contrasts, reporting_columns
from adfair.auditing.sizes import size_table
from adfair.data.exclusion import without_excluded
from adfair.data.images import load_images
from adfair.data.manifest import Cohort, group_codes, labels, load_cohort
from adfair.data.policy import (
    CLEAR,
    NAMING,
    Policy,
    cohort_dependence,
    decide,
    dependence_table,
    what_is_said,
)
from adfair.data.summary import mentions_by_group
from adfair.metrics.dependence import Dependence

SIGNIFICANT = 0.01
"""Adjusted p-value below which a difference between groups is named (our choice)."""
FEW = 0.5
"""Share of reports or of labelled findings that are not read, above which a note says so (our choice)."""
IMAGES, SIDE, VISIBLE = 1500, 224, 0.2
"""Images looked at, their size, and the standardised difference from which one is named (our choice)."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found in a cohort.

    Attributes:
        name, split: of what.
        tables: ``dependence``, ``naming``, ``sizes``, ``reporting``, ``images`` (absent where not looked at).
        policy: the remedy that ``objective.fairness: auto`` would take.
        signs: one sentence for each bias that is there; empty where there is nothing to remove.
        notes: what was not looked at, and why.
    """

    name: str
    split: str
    tables: dict[str, pd.DataFrame]
    policy: Policy
    signs: list[str]
    notes: list[str]

    @property
    def conclusion(self) -> str:
        """The signs in a sentence; without any, whether the cohort is large enough to say that there are none."""
        if self.signs:
            return "; ".join(self.signs)
        return self._without_signs() + self._seen()

    def _seen(self) -> str:
        """What the images show of the groups: no bias by itself, but what a bias elsewhere could use."""
        shown = visible(self.tables["images"]) if "images" in self.tables else pd.DataFrame()
        if shown.empty:
            return ""
        figures = ", ".join(dict.fromkeys(f"{row.figure} by {row.attribute}" for row in shown.itertuples()))
        return f"; images differ between groups all the same ({figures}), so that they show the group"

    def _without_signs(self) -> str:
        dependence, sizes = self.tables["dependence"], self.tables["sizes"]
        if len(unknown := dependence[dependence["note"] != ""]):
            whys = "; ".join(f"{row.attribute}: {row.note}" for row in unknown.itertuples())
            return f"none was found, but whether findings depend on the group could not be judged ({whys})"
        few = int((sizes["enough"] == False).sum())  # noqa: E712 - empty where undefined
        if not few:
            return "none; there is nothing to remove"
        groups = "1 group has" if few == 1 else f"{few} groups and intersections have"
        return f"none was found, but {groups} fewer patients than a gap of .05 needs: small ones cannot be ruled out"

    def record(self) -> dict[str, Any]:
        """As JSON: undefined figures are null, with their reason in ``note``."""
        tables = {
            name: table.astype(object).where(table.notna(), None) for name, table in self.tables.items()
        }
        return {
            "cohort": self.name,
            "split": self.split,
            "signs": self.signs,
            "conclusion": self.conclusion,
            "policy": self.policy.record(),
            "notes": self.notes,
            **{name: table.to_dict("records") for name, table in tables.items()},
        }


def diagnose(
    cohort: Cohort | Path | str,
    *,
    attributes: Sequence[str] = (),
    split: str = "train",
    images: bool = True,
    seed: int = 0,
) -> Diagnosis:
    """Look for biases in one split of a cohort.

    Args:
        cohort: a folder, or a cohort as loaded.
        attributes: sensitive attributes; all that the cohort declares by default.
        split: the training split.
        images: also measure up to 1,500 images drawn by ``seed``.
        seed: of folds and draws.

    Raises:
        ConfigError: the cohort declares no such attribute.
        DataError: as ``load_cohort``.
    """
    cohort, left_out = without_excluded(cohort if isinstance(cohort, Cohort) else load_cohort(cohort))
    groups = cohort.info.groups_of(attributes)
    table, findings = cohort.split(split), cohort.info.findings
    codes = {name: group_codes(table[name], names) for name, names in groups.items()}
    patients = table["patient_id"].to_numpy()
    said = what_is_said(cohort, table)
    found = cohort_dependence(cohort, list(groups), split=split, said=said, seed=seed)
    naming = naming_table(table, groups)
    policy = decide(found, naming=float(naming["share"].iloc[0]))
    reports = table["report"].tolist()
    columns = reporting_columns(said, reports, findings, patients=patients, seed=seed)
    reporting = group_contrasts(columns, codes, groups, patients=patients)
    tables = {
        "dependence": dependence_table(found),
        "naming": naming,
        "sizes": size_table(table, groups, float(np.nanmean(said == 1))),
        "reporting": reporting,
        "splits": split_table(cohort.table, groups),
    }
    notes = [] if cohort.has_reports else ["The cohort has no reports: its labels stand for them."]
    notes += _reading_notes(cohort, table, said)
    for record in left_out.values():
        notes.append(f"{record['patients']:,} patients of balanced test sets are left out, as in training.")
    if images:
        tables["images"] = image_table(cohort, table, groups, seed=seed)
    else:
        notes.append("Images were not looked at.")
    signs = [*_dependence_signs(found), *_naming_signs(naming), *_reporting_signs(reporting)]
    return Diagnosis(cohort.info.name, split, tables, policy, signs, notes)


def naming_table(table: pd.DataFrame, groups: dict[str, list[str]]) -> pd.DataFrame:
    """Share of reports that name sex, race or age: over all rows, then by group; columns share, sex, race, age."""
    counts = mentions_by_group(table, groups)
    kinds = [name for name in counts if name not in ("attribute", "group", "reports", "any")]
    shares = counts[["any", *kinds]].astype(float).div(counts["reports"].astype(float), axis=0)
    return counts[["attribute", "group", "reports"]].join(shares.rename(columns={"any": "share"}))


def split_table(table: pd.DataFrame, groups: dict[str, list[str]]) -> pd.DataFrame:
    """A row a split: images, patients, and of each group the share among images of known group, ``race White``."""
    rows = []
    for name, part in table.groupby("split", sort=False):
        row: dict[str, Any] = {"split": name, "images": len(part), "patients": part["patient_id"].nunique()}
        for attribute, names in groups.items():
            known = part[attribute][part[attribute].isin(names)]
            row |= {f"{attribute} {group}": float((known == group).mean()) for group in names}
        rows.append(row)
    return pd.DataFrame(rows)


def image_table(
    cohort: Cohort, table: pd.DataFrame, groups: dict[str, list[str]], *, seed: int
) -> pd.DataFrame:
    """Group contrasts of image-quality proxies and of view, on a sample; ``effect`` is in standard deviations."""
    drawn = np.sort(np.random.default_rng(seed).permutation(len(table))[:IMAGES])
    sample = table.iloc[drawn].reset_index(drop=True)
    columns = image_figures(load_images(cohort, sample, size=SIDE))
    for view in sorted(set(sample["view"]) - {""}):
        columns[f"view {view}"] = np.where(sample["view"] == "", np.nan, sample["view"] == view).astype(float)
    codes = {name: group_codes(sample[name], names) for name, names in groups.items()}
    found = group_contrasts(columns, codes, groups, patients=sample["patient_id"].to_numpy())
    spread = {figure: float(np.nanstd(values)) for figure, values in columns.items()}
    scale = found["figure"].map(spread)
    found.insert(6, "effect", (found["difference"] / scale.where(scale > 0)).astype(float))
    return found


def _reading_notes(cohort: Cohort, table: pd.DataFrame, said: np.ndarray) -> list[str]:
    """Where the rules seem not to know the language or the style of the reports."""
    if not cohort.has_reports or not len(table):
        return []
    silent = float(np.isnan(said).all(axis=1).mean())
    known = labels(table, cohort.info.findings) == 1
    missed = float((said[known] != 1).mean()) if known.any() else 0.0
    notes = []
    if silent > FEW:
        notes.append(
            f"{silent:.0%} of the reports mention no finding that the rules for English reports know."
        )
    if missed > FEW:
        notes.append(
            f"Of the findings that the labels give, {missed:.0%} are not read in the reports. What is said here of "
            "findings rests on this reading (docs/report-findings.md)."
        )
    return notes


def _dependence_signs(found: dict[str, Dependence]) -> list[str]:
    return [
        f"findings depend on {name} ({d.share:.0%} of what there is to know about it)"
        for name, d in found.items()
        if d.gain > CLEAR * d.standard_error
    ]


def _naming_signs(naming: pd.DataFrame) -> list[str]:
    share = float(naming["share"].iloc[0])
    return [f"{share:.1%} of the reports name sex, race or age"] if share >= NAMING else []


def _reporting_signs(reporting: pd.DataFrame) -> list[str]:
    clear = reporting[reporting["p_adjusted"] < SIGNIFICANT].to_dict("records")
    return [
        f"{row['attribute']} {row['group']}: {_in_words(row['figure'], row['value'], row['others'])}"
        for row in clear
    ]


def visible(images: pd.DataFrame) -> pd.DataFrame:
    """The rows of an image table that are neither chance nor too small to matter."""
    return images[(images["p_adjusted"] < SIGNIFICANT) & (images["effect"].abs() >= VISIBLE)]


def _in_words(figure: str, value: float, others: float) -> str:
    """A group's figure and that of all others, for example of ``Edema, given the others``."""
    if figure.endswith(GIVEN):
        mine, theirs = (
            f"{100 * abs(v):.0f} points {'less' if v < 0 else 'more'} often" for v in (value, others)
        )
        name = figure.removesuffix(GIVEN)
        return f"{name} is stated {mine} than the report's other findings predict, elsewhere {theirs}"
    if figure == "denied":
        return f"{value:.0%} of the findings that are not stated are denied, elsewhere {others:.0%}"
    if figure in ("words", "stated findings"):
        return f"{value:.3g} {figure} a report, elsewhere {others:.3g}"
    return f"{figure} is stated in {value:.0%} of the reports, elsewhere in {others:.0%}"
