"""What a cohort holds: images and patients by split, finding, group and intersection."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from adfair.data.manifest import Cohort
from adfair.data.schema import UNKNOWN
from adfair.data.scrub import count_demographics

_LABEL_NAMES = {1.0: "present", 0.0: "absent", -1.0: "uncertain"}


def summarise(cohort: Cohort) -> dict[str, pd.DataFrame]:
    """Count a cohort.

    Returns:
        Tables by title: ``splits`` (images, patients, studies, unknown age and view), ``findings`` (present,
        absent, uncertain, not mentioned), ``groups`` (images and patients of each declared group and of
        Unknown) and, with two or more attributes, ``intersections`` of two; the last three by split.
    """
    tables = {"splits": _splits(cohort), "findings": _findings(cohort), "groups": _groups(cohort)}
    if len(cohort.info.attributes) > 1:
        tables["intersections"] = _intersections(cohort)
    return tables


def count_mentions(cohort: Cohort) -> pd.DataFrame:
    """Reports that name sex, race or age, by group: a text that names a group gives it away to a model.

    Returns:
        Columns attribute, group, reports (one an image) and how many of them name sex, race, age and any of these;
        the first row is of all reports. No rows where the cohort has no reports.
    """
    if not cohort.has_reports:
        return pd.DataFrame(columns=["attribute", "group", "reports", "sex", "race", "age", "any"])
    groups = {name: own + _unknown(cohort, name) for name, own in cohort.info.attributes.items()}
    counts = mentions_by_group(cohort.table, groups)
    counts.loc[0, "group"] = "all"
    return counts


def mentions_by_group(table: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The counts of ``count_mentions`` for some rows of a cohort; the first row, of all, names no group.

    Args:
        groups: attribute -> the groups to count.
    """
    codes, texts = pd.factorize(table["report"])
    named = (count_demographics(texts) > 0).iloc[codes].reset_index(drop=True)
    named = named.assign(reports=True, any=named.any(axis=1))[["reports", *named.columns, "any"]]
    rows = [{"attribute": "", "group": "", **named.sum()}]
    for attribute, own in groups.items():
        for group in own:
            chosen = named[table[attribute].eq(group).to_numpy()]
            rows.append({"attribute": attribute, "group": group, **chosen.sum()})
    return pd.DataFrame(rows)


def training_facts(cohort: Cohort) -> dict[str, Any]:
    """What a model card says of the training split: counts and names, no rows."""
    table, info = cohort.split("train"), cohort.info
    people = {
        name: {
            group: int(table["patient_id"][table[name] == group].nunique()) for group in [*groups, UNKNOWN]
        }
        for name, groups in info.attributes.items()
    }
    return {
        "source": info.source,
        "licence": info.licence,
        "findings": info.findings,
        "images": len(table),
        "patients": int(table["patient_id"].nunique()),
        "patients_by_group": people,
    }


def side_by_side(counts: pd.DataFrame) -> pd.DataFrame:
    """The ``groups`` or ``intersections`` table with one column a split: ``images (patients)``."""
    text = counts["images"].map("{:,}".format) + counts["patients"].map(" ({:,})".format)
    index = ["attribute", "group"]
    wide = counts.assign(text=text).pivot(index=index, columns="split", values="text")
    order = pd.MultiIndex.from_frame(counts[index].drop_duplicates())
    return wide.loc[order, list(dict.fromkeys(counts["split"]))].reset_index().rename_axis(columns=None)


def _splits(cohort: Cohort) -> pd.DataFrame:
    rows = cohort.table.groupby("split", sort=False).agg(
        images=("image_id", "size"),
        patients=("patient_id", "nunique"),
        studies=("study_id", lambda ids: ids[ids != ""].nunique()),
        age_unknown=("age", lambda years: int(years.isna().sum())),
        view_unknown=("view", lambda views: int(views.isin(["", "Unknown"]).sum())),
    )
    return rows.reindex(cohort.info.splits, fill_value=0).rename_axis("split").reset_index()


def _findings(cohort: Cohort) -> pd.DataFrame:
    long = cohort.table.melt(id_vars="split", value_vars=cohort.info.findings, var_name="finding")
    long["label"] = long["value"].map(_LABEL_NAMES).fillna("not mentioned")
    counts = pd.crosstab([long["finding"], long["split"]], long["label"])
    order = pd.MultiIndex.from_product(
        [cohort.info.findings, _present_splits(cohort)], names=["finding", "split"]
    )
    columns = [*_LABEL_NAMES.values(), "not mentioned"]
    return counts.reindex(index=order, columns=columns, fill_value=0).reset_index().rename_axis(columns=None)


def _groups(cohort: Cohort) -> pd.DataFrame:
    parts = [
        _count(cohort, [attribute]).rename(columns={attribute: "group"}).assign(attribute=attribute)
        for attribute in cohort.info.attributes
    ]
    return pd.concat(parts, ignore_index=True)[["attribute", "group", "split", "images", "patients"]]


def _intersections(cohort: Cohort) -> pd.DataFrame:
    parts = []
    for pair in combinations(cohort.info.attributes, 2):
        counts = _count(cohort, list(pair))
        counts["group"] = counts[pair[0]].str.cat(counts[pair[1]], sep="*")
        parts.append(counts.assign(attribute="*".join(pair)))
    return pd.concat(parts, ignore_index=True)[["attribute", "group", "split", "images", "patients"]]


def _count(cohort: Cohort, attributes: list[str]) -> pd.DataFrame:
    """Images and patients of every cell, empty ones as 0 (a missing group must be seen, not left out)."""
    counts = cohort.table.groupby([*attributes, "split"]).agg(
        images=("image_id", "size"), patients=("patient_id", "nunique")
    )
    declared = [cohort.info.attributes[a] + _unknown(cohort, a) for a in attributes]
    splits = _present_splits(cohort)
    order = pd.MultiIndex.from_product([*declared, splits], names=[*attributes, "split"])
    return counts.reindex(order, fill_value=0).reset_index()


def _present_splits(cohort: Cohort) -> list[str]:
    present = set(cohort.table["split"])
    return [name for name in cohort.info.splits if name in present]


def _unknown(cohort: Cohort, attribute: str) -> list[str]:
    return ["Unknown"] if (cohort.table[attribute] == "Unknown").any() else []
