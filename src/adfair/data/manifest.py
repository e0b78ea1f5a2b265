"""A cohort on disk: ``cohort.yaml`` beside ``manifest.csv`` (or ``.parquet``), one row an image.

    cohort = load_cohort("runs/cohort")
    train = cohort.split("train")
    race = group_codes(train["race"], cohort.info.attributes["race"])
    y = labels(train, cohort.info.findings)

An empty cell means: of an attribute the unknown group, of a finding not mentioned, of ``age`` not known. The
literal text ``nan`` in one of them is an error, since it comes from a faulty conversion.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.data.images import Progress, verify_images
from adfair.data.paths import list_images
from adfair.data.schema import COHORT_FILE, CORE_COLUMNS, UNKNOWN, CohortInfo, read_info
from adfair.data.staging import replace_file
from adfair.data.tables import read_text_table, write_text_table
from adfair.data.validate import refuse, validate_table
from adfair.errors import DataError

MANIFESTS = ("manifest.csv", "manifest.parquet")


@dataclass(frozen=True)
class Cohort:
    """A validated cohort.

    Attributes:
        root: the cohort folder.
        info: what it declares.
        table: one row an image in manifest order, typed as ``validate_table`` says.
        left_out: rows of the manifest that the table lacks, because ``adfair prepare`` refused their images.
    """

    root: Path
    info: CohortInfo
    table: pd.DataFrame
    left_out: int = 0

    @property
    def image_root(self) -> Path:
        """The folder that ``image_path`` is relative to."""
        return self.root / (self.info.image_root or ".")

    @property
    def has_reports(self) -> bool:
        """False when no row has a report: sentences then come from labels (``adfair.data.text``)."""
        return bool(self.table["report"].iloc[0].strip())

    def split(self, name: str) -> pd.DataFrame:
        """The rows of one split in manifest order, index from 0.

        Raises:
            DataError: the split is not declared, or has no images.
        """
        rows = self.table[self.table["split"] == name].reset_index(drop=True)
        if rows.empty:
            present = ", ".join(dict.fromkeys(self.table["split"]))
            raise DataError.at(
                f"no images in split '{name}'", file=self.root, remedy=f"Splits there: {present}."
            )
        return rows


def load_cohort(path: Path | str, *, check_images: bool = False, progress: Progress | None = None) -> Cohort:
    """Read and validate a cohort folder.

    Args:
        path: the folder.
        check_images: also look for missing files and decode every image (``adfair check`` does).
        progress: called with the number of images decoded since the last call.

    Raises:
        DataError: names the file, the data row (from 1), the column and the remedy. Faults of rows come
            before the hash, so that an edited manifest is first made right and then accepted.
    """
    cohort = read_cohort(path)
    _check_hash(cohort)
    check_files(cohort, decode=check_images, progress=progress)
    return cohort


def read_cohort(path: Path | str) -> Cohort:
    """Read and validate a cohort's rows, without its hash and image files. Raises DataError."""
    root = Path(path)
    info = read_info(root)
    file = manifest_file(root)
    return Cohort(root=root, info=info, table=validate_table(read_text_table(file), info, file=file))


def manifest_file(root: Path) -> Path:
    """The manifest of a cohort folder. Raises DataError when there is none, or more than one."""
    found = [root / name for name in MANIFESTS if (root / name).is_file()]
    if len(found) == 1:
        return found[0]
    what = "two manifests" if found else "no manifest"
    remedy = "Keep one of manifest.csv and manifest.parquet." if found else "A cohort needs manifest.csv."
    raise DataError.at(what, file=root, remedy=remedy)


def _check_hash(cohort: Cohort) -> None:
    file = manifest_file(cohort.root)
    if cohort.info.manifest_sha256 == _sha256(file.read_bytes()):
        return
    what = "the manifest is not the one that cohort.yaml describes (manifest_sha256 differs or is absent)"
    remedy = (
        f"If the change is intended, run 'adfair check {cohort.root} --accept'; if not, restore the file."
    )
    raise DataError.at(what, file=file, remedy=remedy)


def check_files(cohort: Cohort, *, decode: bool, progress: Progress | None = None) -> int:
    """Refuse links out of the cohort; with ``decode`` also missing and damaged images. Raises DataError.

    Returns:
        How many of the decoded images are dark, see ``verify_images``.
    """
    file = manifest_file(cohort.root)
    paths = cohort.table["image_path"]
    missing, outside = list_images(cohort.image_root, paths)
    what = "a symbolic link leads out of the cohort"
    remedy = "Copy the file into the cohort, or declare its folder as image_root in cohort.yaml."
    refuse(outside, what, file=file, column="image_path", remedy=remedy)
    if decode:
        remedy = f"Put the file below {cohort.image_root} or remove the row."
        refuse(
            missing,
            "no such image file",
            file=file,
            column="image_path",
            remedy=remedy,
        )
        return verify_images(cohort, cohort.table, progress=progress)
    return 0


def write_cohort(root: Path | str, info: CohortInfo, table: pd.DataFrame, *, format: str = "csv") -> Cohort:
    """Validate a table and write it as a cohort; images are the caller's.

    Each file is replaced whole, ``cohort.yaml`` with the hash last: a kill in between leaves a folder that
    ``load_cohort`` refuses.

    Args:
        root: the folder; made when absent.
        info: the declaration; its ``manifest_sha256`` is filled in.
        table: one row an image; absent optional columns are left empty, NaN is an empty cell.
        format: ``csv`` or ``parquet``.

    Raises:
        DataError: a rule is broken; nothing is written then.
    """
    root = Path(root)
    file = root / f"manifest.{format}"
    cells = text_cells(table)
    data = write_text_table(cells, file)
    typed = validate_table(cells, info, file=file)
    info = info.model_copy(update={"manifest_sha256": _sha256(data)})
    root.mkdir(parents=True, exist_ok=True)
    replace_file(file, data)
    for other in MANIFESTS:
        if other != file.name:
            (root / other).unlink(missing_ok=True)
    replace_file(root / COHORT_FILE, info.to_yaml().encode())
    return Cohort(root=root, info=info, table=typed)


def accept_manifest(cohort: Cohort) -> Cohort:
    """Write the hash of the manifest as it is now into ``cohort.yaml``."""
    digest = _sha256(manifest_file(cohort.root).read_bytes())
    info = cohort.info.model_copy(update={"manifest_sha256": digest})
    replace_file(cohort.root / COHORT_FILE, info.to_yaml().encode())
    return Cohort(root=cohort.root, info=info, table=cohort.table)


def text_cells(table: pd.DataFrame) -> pd.DataFrame:
    """A table as the text that a manifest holds: whole numbers without a point, absent values empty."""
    first = [name for name in CORE_COLUMNS if name in table]
    ordered = table[first + [name for name in table.columns if name not in first]]
    cells = {str(name): _text_column(ordered[name]) for name in ordered.columns}
    return pd.DataFrame(cells).reset_index(drop=True)


def _text_column(column: pd.Series) -> pd.Series:
    absent = column.isna()
    if pd.api.types.is_float_dtype(column):
        whole = bool((column[~absent] % 1 == 0).all())
        column = column.fillna(0).astype(np.int64) if whole else column
    # A lone carriage return inside a cell would end the row for some CSV readers.
    return column.astype(str).where(~absent, "").str.replace(r"\r\n?", "\n", regex=True)


def group_codes(values: Iterable[object], groups: Sequence[str]) -> np.ndarray:
    """The position of each value among the declared groups.

    Args:
        values: [N] groups; ``Unknown``, empty and missing values are unknown.
        groups: declared groups in their order.

    Returns:
        int64 [N]; -1 = unknown.

    Raises:
        DataError: a value is none of the groups (it must not pass for unknown).
    """
    cells = pd.Series(values, dtype=object).reset_index(drop=True)
    cells = cells.where(cells.notna(), "").astype(str)
    codes = pd.Categorical(cells, categories=list(groups)).codes.astype(np.int64)
    stray = np.flatnonzero((codes < 0) & ~cells.isin(["", UNKNOWN]).to_numpy())
    if len(stray):
        raise DataError.at(
            "a group that is not declared", row=int(stray[0]) + 1, remedy=f"Declared: {', '.join(groups)}."
        )
    return codes


def labels(table: pd.DataFrame, findings: Sequence[str]) -> np.ndarray:
    """float64 [N, F]: 1 present, 0 absent, -1 uncertain, NaN not mentioned."""
    return table[list(findings)].to_numpy(dtype=np.float64)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
