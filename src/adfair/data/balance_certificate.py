"""What a balanced set is, so that another can make it again and a reader can trust it: counts, ages, views, hash."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from adfair import __version__
from adfair.data.manifest import Cohort
from adfair.data.staging import replace_file
from adfair.data.tables import read_text_table
from adfair.errors import DataError

CERTIFICATE, LIST_FILE = "certificate.json", "ids.csv"


def list_hash(ids: Iterable[str]) -> str:
    """SHA-256 of the sorted ids, one a line: the order of a list does not matter."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def certify(
    cohort: Cohort, chosen: pd.DataFrame, cells: pd.DataFrame, design: dict[str, Any]
) -> dict[str, Any]:
    """The certificate as a tree of plain values.

    Args:
        cohort: that the set was drawn from.
        chosen: rows of the set with columns finding and group.
        cells: finding, group, wanted, candidate_images, candidate_patients; one row a cell.
        design: what was asked for, as it is.
    """
    rows = []
    for cell in cells.to_dict("records"):
        own = chosen[chosen["finding"].eq(cell["finding"]) & chosen["group"].eq(cell["group"])]
        rows.append({str(k): v for k, v in cell.items()} | {"images": len(own), **_people(own)})
    return {
        "made_by": f"adfair {__version__} balance",
        "cohort": cohort.info.name,
        "cohort_manifest_sha256": cohort.info.manifest_sha256,
        "design": design,
        "images": len(chosen),
        "patients": int(chosen["patient_id"].nunique()),
        "list_sha256": list_hash(chosen["image_id"]),
        **_people(chosen),
        "cells": rows,
    }


def _people(own: pd.DataFrame) -> dict[str, Any]:
    known = own["age"].dropna()
    return {
        "age_mean": round(float(known.mean()), 2) if len(known) else None,
        "age_sd": round(float(known.std(ddof=1)), 2) if len(known) > 1 else None,
        "age_unknown": int(own["age"].isna().sum()),
        "views": {str(k or "unknown"): int(v) for k, v in own["view"].value_counts().sort_index().items()},
    }


def certificate_page(certificate: dict[str, Any]) -> str:
    """The certificate as Markdown."""
    design = certificate["design"]
    lines = [
        f"# Balanced set of {certificate['cohort']}",
        "",
        f"{certificate['images']:,} images of {certificate['patients']:,} patients, by {certificate['made_by']}.",
        "",
        *(f"- {key.replace('_', ' ')}: {value}" for key, value in design.items()),
        f"- SHA-256 of the sorted image ids: `{certificate['list_sha256']}`",
        f"- SHA-256 of the manifest drawn from: `{certificate['cohort_manifest_sha256']}`",
        "",
        "| finding | group | wanted | images | candidate patients | age, mean (sd) | age unknown | views |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | --- |",
    ]
    for cell in certificate["cells"]:
        age = "" if cell["age_mean"] is None else f"{cell['age_mean']} ({cell['age_sd']})"
        views = ", ".join(f"{name} {n}" for name, n in cell["views"].items())
        lines.append(
            f"| {cell['finding']} | {cell['group']} | {cell['wanted']} | {cell['images']} "
            f"| {cell['candidate_patients']:,} | {age} | {cell['age_unknown']} | {views} |"
        )
    return "\n".join(lines) + "\n"


def write_certificate(folder: Path, certificate: dict[str, Any], chosen: pd.DataFrame) -> None:
    """Save certificate.json, certificate.md, ids.csv and exclude_patients.csv."""
    replace_file(folder / CERTIFICATE, (json.dumps(certificate, indent=2) + "\n").encode())
    replace_file(folder / "certificate.md", certificate_page(certificate).encode())
    for name, column in ((LIST_FILE, "image_id"), ("exclude_patients.csv", "patient_id")):
        cells = pd.DataFrame({column: sorted(set(chosen[column]))})
        replace_file(folder / name, cells.to_csv(index=False, lineterminator="\n").encode())


def read_list(file: Path, *, sha256: str | None = None) -> list[str]:
    """The image ids of a list (column ``image_id``), checked against its hash.

    Args:
        file: CSV.
        sha256: of the sorted ids; by default that of ``certificate.json`` beside the list, unchecked without either.

    Raises:
        DataError: not such a table, no id, an id twice, a damaged certificate, or another hash.
    """
    table = read_text_table(file, encoding="utf-8-sig")
    if "image_id" not in table:
        raise DataError.at(
            "the column is absent", file=file, column="image_id", remedy="Name it in the header."
        )
    ids = table["image_id"]
    if ids.empty:
        raise DataError.at("the list is empty", file=file, remedy="It names one image_id a row.")
    twice = ids[ids.duplicated()]
    if len(twice):
        raise DataError.at(
            "an image twice", file=file, row=int(twice.index[0]) + 1, remedy="Remove one of them."
        )
    beside = file.parent / CERTIFICATE
    if sha256 is None and beside.is_file():
        sha256 = _certified_hash(beside)
    if sha256 is not None and list_hash(ids) != sha256.lower():
        raise DataError.at(
            "the ids are not those of the certificate (SHA-256 differs)",
            file=file,
            remedy="Get the list again.",
        )
    return ids.tolist()


def _certified_hash(file: Path) -> str:
    try:
        said = json.loads(file.read_bytes())["list_sha256"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        said = None
    if not isinstance(said, str):
        raise DataError.at(
            "not a certificate with list_sha256, though it stands beside the list",
            file=file,
            remedy="Get it again, or move the list away from it and give its hash with --sha256.",
        )
    return said
