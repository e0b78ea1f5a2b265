"""Balanced test sets: as many images of every finding in every group, and nobody of them in training.

    balance("runs/cohort", out="runs/cohort-5x90", per_cell=15, seed=0)

FCXP 5x90 is named in the AdFair-CLIP paper (arXiv 2506.23467) but not defined there: 5 findings x 3 races x 2 sexes
x 15 images, by GLoRIA's rule, is our reading.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adfair.data.balance_certificate import certify, read_list, write_certificate
from adfair.data.balance_design import AGE_BAND, Design, make_design
from adfair.data.balance_draw import draw_cells, matched_quotas
from adfair.data.balance_rules import get_rule, is_frontal, target
from adfair.data.exclusion import EXCLUDE_FILE
from adfair.data.flow import count_flow, write_flow
from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.data.schema import COHORT_FILE, UNKNOWN
from adfair.data.staging import keep_inputs, replace_file, require_free, staged_folder
from adfair.errors import DataError


@dataclass(frozen=True)
class Balanced:
    """The result: the new cohort, its certificate, the exclusion flow, cells that stayed short, what to know."""

    cohort: Cohort
    certificate: dict[str, Any]
    flow: pd.DataFrame
    short: pd.DataFrame
    notes: list[str]


def balance(
    source: Path | str,
    *,
    out: Path | str,
    design: Design | None = None,
    from_list: Path | str | None = None,
    sha256: str | None = None,
    allow_short: bool = False,
    register: bool = True,
    force: bool = False,
) -> Balanced:
    """Draw a balanced set (or take one by its list of ids) and write it as a cohort with one split, ``test``.

    Args:
        source: the cohort to draw from, all its splits.
        out: the new cohort, with ``certificate.json``, ``certificate.md``, ``ids.csv``, ``exclude_patients.csv``,
            ``flow.csv`` and ``flow.svg``. Its images stay where they are.
        design: ``make_design``; FCXP 5x90 by default.
        from_list: CSV with ``image_id``: take these images instead of drawing. sha256: see ``read_list``.
        allow_short: take what there is where a cell has too few. force: replace a cohort that is there.
        register: name the list in the source's ``cohort.yaml``, so that ``train`` leaves these patients out.

    Raises:
        DataError: cells are short and ``allow_short`` is off; an id is not in the cohort; ``out`` is taken.
    """
    cohort, out = load_cohort(source), Path(out)
    require_free(out, force=force)
    design = make_design(cohort) if design is None else design
    keep_inputs(out, [cohort.root, cohort.image_root])
    rows, steps = _candidates(cohort, design)
    cells, short, asked = _cells(rows, design), pd.DataFrame(), design.asked()
    if from_list is None:
        chosen, short = _draw(rows, cells, design)
        if len(short) and not allow_short:
            raise _shortage(short, cohort)
        steps.append(("drawn" + (", one image a patient" if design.one_a_patient else ""), chosen))
    else:
        chosen = _listed(cohort, design, read_list(Path(from_list), sha256=sha256))
        steps, asked = [steps[0], ("on the list", chosen)], asked | {"seed": None, "from": "a list of ids"}
    if chosen.empty:
        raise DataError.at(
            "no image qualifies for any cell",
            file=cohort.root,
            remedy="'adfair check' counts labels, groups and views; docs/balance.md says who qualifies.",
        )
    return _write(cohort, chosen, certify(cohort, chosen, cells, asked), steps, short, out, force, register)


def _candidates(cohort: Cohort, design: Design) -> tuple[pd.DataFrame, list[tuple[str, pd.DataFrame]]]:
    """Rows that qualify, with columns finding, group, stratum and cell; and the flow up to them."""
    rows, rule = cohort.table, get_rule(design.rule)
    steps = [(f"images of {cohort.info.name}", rows)]
    if rule.frontal:
        rows = rows[is_frontal(rows["view"])]
        steps.append(("frontal view", rows))
    if rows.empty:
        raise DataError.at(
            "no image has a frontal view (AP, PA, frontal)",
            file=cohort.root,
            column="view",
            remedy="Fill in the view, or use --rule medclip, which takes any.",
        )
    for name, groups in design.attributes.items():
        rows = rows[rows[name].isin(groups)]
        steps.append((f"{name} is one of {', '.join(groups)}", rows))
    if design.match:
        known = (rows["age"].notna() | ("age" not in design.match)) & (
            ~rows["view"].isin(["", UNKNOWN]) | ("view" not in design.match)
        )
        rows = rows[known]
        steps.append((f"{' and '.join(design.match)} known", rows))
    finding = target(rows, design.findings, all_findings=cohort.info.findings, rule=rule)
    rows = _with_cells(rows.assign(finding=finding)[finding.ne("")], design)
    steps.append((f"one of {len(design.findings)} findings, alone", rows))
    return rows, steps


def _with_cells(rows: pd.DataFrame, design: Design) -> pd.DataFrame:
    group = pd.Series("", index=rows.index)
    for position, name in enumerate(design.attributes):
        group = group + ("*" if position else "") + rows[name].astype(str)
    stratum = pd.Series("", index=rows.index)
    if "age" in design.match:
        band = rows["age"].fillna(0) // AGE_BAND * AGE_BAND
        stratum = stratum + band.astype(int).astype(str).str.zfill(3)
    if "view" in design.match:
        stratum = stratum + " " + rows["view"].str.upper()
    return rows.assign(group=group, stratum=stratum, cell=rows["finding"] + "|" + group + "|" + stratum)


def _cells(rows: pd.DataFrame, design: Design) -> pd.DataFrame:
    """finding, group, wanted, candidate_images, candidate_patients: every cell of the design, empty ones too."""
    groups = [""]
    for position, names in enumerate(design.attributes.values()):
        groups = [f"{left}{'*' if position else ''}{name}" for left in groups for name in names]
    order = pd.MultiIndex.from_product([design.findings, groups], names=["finding", "group"])
    counted = rows.groupby(["finding", "group"]).agg(
        candidate_images=("image_id", "size"), candidate_patients=("patient_id", "nunique")
    )
    cells = counted.reindex(order, fill_value=0).reset_index()
    cells.insert(2, "wanted", design.per_cell)
    return cells


def _draw(rows: pd.DataFrame, cells: pd.DataFrame, design: Design) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The chosen rows, and the cells that are short: finding, group, wanted, found, candidate_patients."""
    # With groups each cell is drawn whole: a half of all of them would leave none of them even.
    halves = get_rule(design.rule).halves and not design.attributes
    wanted = design.per_cell * (2 if halves else 1)
    quotas: dict[str, int] = {}
    for finding, own in rows.groupby("finding"):
        counts = own.groupby(["stratum", "group"])["patient_id"].nunique().unstack(fill_value=0)
        counts = counts.reindex(columns=cells["group"].unique(), fill_value=0)
        share = matched_quotas(counts, per_cell=wanted) if design.match else pd.Series({"": wanted})
        quotas |= {f"{finding}|{group}|{s}": int(n) for s, n in share.items() for group in counts.columns}
    chosen = draw_cells(rows, quotas, seed=design.seed, one_a_patient=design.one_a_patient)
    found = chosen.groupby(["finding", "group"]).size().rename("found")
    joined = (
        cells.assign(wanted=wanted).merge(found, on=["finding", "group"], how="left").fillna({"found": 0})
    )
    joined["found"] = joined["found"].astype(int)
    short = joined.loc[
        joined["found"] < wanted, ["finding", "group", "wanted", "found", "candidate_patients"]
    ]
    if halves:
        keep = np.random.default_rng([design.seed, 1]).permutation(len(chosen))[: len(chosen) // 2]
        chosen = chosen.iloc[np.sort(keep)]
    return chosen, short


def _shortage(short: pd.DataFrame, cohort: Cohort) -> DataError:
    listed = "; ".join(
        f"{c['finding']} {c['group']}".strip() + f" {c['found']} of {c['wanted']}"
        for c in short.to_dict("records")
    )
    return DataError.at(
        f"{len(short)} cells are short: {listed}",
        file=cohort.root,
        remedy="Lower --per-cell, name fewer --findings or --attributes, or take what there is with --allow-short.",
    )


def _listed(cohort: Cohort, design: Design, ids: list[str]) -> pd.DataFrame:
    absent = sorted(set(ids) - set(cohort.table["image_id"]))
    if absent:
        raise DataError.at(
            f"{len(absent):,} of {len(ids):,} listed images are not in the cohort",
            file=cohort.root,
            remedy="Use the cohort that the list was made from.",
        )
    rows = cohort.table[cohort.table["image_id"].isin(ids)]
    rule = get_rule(design.rule)
    finding = target(rows, design.findings, all_findings=cohort.info.findings, rule=rule)
    return _with_cells(rows.assign(finding=finding), replace(design, match=()))


def _write(
    cohort: Cohort,
    chosen: pd.DataFrame,
    certificate: dict[str, Any],
    steps: list[tuple[str, pd.DataFrame]],
    short: pd.DataFrame,
    out: Path,
    force: bool,
    register: bool,
) -> Balanced:
    flow = count_flow(
        steps, [name for name in cohort.info.attributes if name in certificate["design"]["groups"]]
    )
    info = cohort.info.model_copy(
        update={
            "name": f"{cohort.info.name}-balanced",
            "splits": ["test"],
            "image_root": str(cohort.image_root.resolve()),
            "exclude_patients": [],
        }
    )
    table = chosen[cohort.table.columns].sort_values("image_id").assign(split="test").reset_index(drop=True)
    with staged_folder(out, force=force) as staging:
        write_cohort(staging, info, table)
        write_certificate(staging, certificate, chosen)
        write_flow(staging, flow, title=f"{info.name}: {len(table):,} images")
    notes = (
        _register(cohort, out)
        if register
        else [f"Leave them out of training: data.exclude_patients=[{out}]."]
    )
    outside = len(chosen) - sum(cell["images"] for cell in certificate["cells"])
    if outside:
        notes.append(
            f"{outside:,} of the listed images belong to no cell: another finding or group, or several."
        )
    return Balanced(load_cohort(out), certificate, flow, short, notes)


def _register(cohort: Cohort, out: Path) -> list[str]:
    """Name the list in the cohort's own declaration. Hashes do not change: they are of the manifest."""
    path = os.path.relpath((out / EXCLUDE_FILE).resolve(), cohort.root.resolve())
    if path not in cohort.info.exclude_patients:
        info = cohort.info.model_copy(update={"exclude_patients": [*cohort.info.exclude_patients, path]})
        replace_file(cohort.root / COHORT_FILE, info.to_yaml().encode())
    return [f"{cohort.root / COHORT_FILE} names {EXCLUDE_FILE}: 'adfair train' leaves these patients out."]
