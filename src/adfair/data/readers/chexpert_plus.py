"""CheXpert Plus (Chambon et al. 2024): images, reports and demographics of 64,725 patients.

    adfair import chexpert-plus CHEXPERT_PLUS --out runs/chexpert-plus

SOURCE is the folder with ``df_chexpert_plus_240401.csv``, ``chexbert_labels/`` and the images, or several such
paths. The table names files ``.jpg`` although ``.png`` are stored, mostly in ``PNG/PNG``; DICOM files go by
``path_to_dcm``. Labels are those that CheXbert read from the impression (``labels=impression``): the impression
is there for nearly all reports, while the findings section is missing from about three quarters of the rows, and
the labeller then says "No Finding". ``labels=findings`` therefore leaves rows without that section unlabelled.
"""

import json
from pathlib import Path

import pandas as pd

from adfair.data.readers.chexpert_labels import FINDINGS, ids_of, view_of
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import Flow
from adfair.data.readers.source import Found
from adfair.data.readers.sources import best_root, folders_of, join, need_file, own_splits, read_columns
from adfair.errors import DataError

TABLES = ("df_chexpert_plus_240401.csv", "df_chexpert_plus_240401.parquet")
COLUMNS = (
    "path_to_image", "frontal_lateral", "ap_pa", "deid_patient_id", "report", "section_findings",
    "section_impression", "age", "sex", "race", "ethnicity", "split",
)  # fmt: skip
LABELS_FROM = ("impression", "findings", "report")
_IMAGE_FOLDERS = ("PNG/PNG", "PNG", "DICOM", "DICOM/DICOM", "images")
_LABEL_FOLDERS = (".", "chexbert_labels", "chexbert_labels/chexbert_labels")
_SECTIONS = {
    "section:impression": "section_impression", "section:findings": "section_findings",
    "section:summary": "section_summary", "section:narrative": "section_narrative", "section:report": "report",
}  # fmt: skip
_SPLITS = {"train": "train", "valid": "val"}


def find(sources: list[Path], options: ReadOptions) -> Found:
    """Read CheXpert Plus. Raises DataError naming the file, row and column that is not as expected."""
    file = need_file(sources, TABLES, what="table of CheXpert Plus")
    table = read_columns(file, COLUMNS, optional=["path_to_dcm", "section_summary", "section_narrative"])
    kind = options.choose_labels(LABELS_FROM, reader="chexpert-plus")
    rows = pd.concat([ids_of(table["path_to_image"]), _cells(table)], axis=1)
    rows["split"] = own_splits(table["split"], _SPLITS, file=file)
    rows["patient_id"] = table["deid_patient_id"]
    labels, gaps = _labels(table, sources, kind=kind)
    rows, differing = _first_of_study(rows.join(labels), kind=kind)
    flow = Flow()
    flow.add(f"rows of {file.name}", rows, rows["patient_id"])
    png, jpg = (table["path_to_image"].str.replace(r"\.[^./]+$", end, regex=True) for end in (".png", ".jpg"))
    dicom = [table["path_to_dcm"]] if "path_to_dcm" in table else []
    root, rows["image_path"] = best_root(
        [png, jpg, *dicom], roots=folders_of(sources, _IMAGE_FOLDERS), table=file
    )
    notes = [f"Labels: CheXbert on {kind}.", *gaps]
    if differing:
        notes.append(
            f"{differing:,} studies have images with differing text or labels; those of its first one with "
            f"the {kind} count."
        )
    return Found(
        name="chexpert-plus",
        source="CheXpert Plus (Chambon et al. 2024), Stanford AIMI",
        licence="Stanford University Dataset Research Use Agreement",
        file=file,
        rows=rows,
        findings=FINDINGS,
        image_root=root,
        flow=flow,
        notes=notes,
        tables={"race": "race_chexpert", "ethnicity": "ethnicity_chexpert"},
    )


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    cells = {
        "view": view_of(table["frontal_lateral"], table["ap_pa"]),
        "age": table["age"],
        "raw:race": table["race"],
        "raw:sex": table["sex"],
        "raw:ethnicity": table["ethnicity"],
    }
    cells |= {ours: table[theirs] for ours, theirs in _SECTIONS.items() if theirs in table}
    return pd.DataFrame(cells)


def _labels(table: pd.DataFrame, sources: list[Path], *, kind: str) -> tuple[pd.DataFrame, list[str]]:
    """Labels of every image, NA where the file does not list it; and a note on how many it does not."""
    file = need_file(sources, [f"{kind}_fixed.json"], inside=_LABEL_FOLDERS, what="CheXbert labels")
    listed = pd.DataFrame(_label_lines(file))
    joined = join(table[["path_to_image"]], listed, on=["path_to_image"], file=file)[FINDINGS]
    if kind == "findings":
        joined = joined.mask(table["section_findings"].eq(""), "")
    absent = ~table["path_to_image"].isin(listed["path_to_image"])
    gaps = [f"{int(absent.sum()):,} of {len(table):,} images are not in {file.name}."] if absent.any() else []
    return joined.mask(absent), gaps


def _label_lines(file: Path) -> list[dict[str, str]]:
    """One dict of texts for each line of a JSON Lines file. Raises DataError naming a line that is none."""
    try:
        # Not splitlines: a JSON text may hold other characters that it takes for ends of lines.
        lines = file.read_bytes().decode("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError):
        raise DataError.at("cannot be read as UTF-8 text", file=file, remedy="Download it again.") from None
    labels = [_label_line(line, row, file) for row, line in enumerate(lines, start=1) if line.strip()]
    if not labels:
        raise DataError.at("holds no labels", file=file, remedy="Download it again.")
    return labels


def _label_line(line: str, row: int, file: Path) -> dict[str, str]:
    try:
        cells = json.loads(line)
    except (ValueError, RecursionError):
        cells = None
    wanted = ["path_to_image", *FINDINGS]
    whole = isinstance(cells, dict) and isinstance(cells.get("path_to_image"), str)
    if not whole or any(name not in cells for name in wanted):
        found = ", ".join(sorted(cells)[:20]) if isinstance(cells, dict) else "text that is no JSON object"
        raise DataError.at(
            f"expected an object with path_to_image and 14 labels, found {found}",
            file=file,
            row=row,
            remedy="The file is JSON Lines, one object a line; download it again.",
        )
    return {name: "" if cells[name] is None else str(cells[name]) for name in wanted}


def _first_of_study(rows: pd.DataFrame, *, kind: str) -> tuple[pd.DataFrame, int]:
    """Give all images of a study the text and labels of one of them; how many studies differed.

    It is the first that has the section ``kind``, from which labels were read, and a line of labels; else the first with
    the section; else the one with most sections. Text and labels are of one image, so that they cannot disagree:
    reports were joined to images before they were de-identified, and two images of one study can have different texts.
    """
    sections = [name for name in rows.columns if name.startswith("section:")]
    columns = [*sections, *FINDINGS]
    study = rows["study_id"].where(rows["study_id"].ne(""), rows.index.astype(str))
    empty = rows[sections] == ""
    without = empty[f"section:{kind}"]
    unlabelled = rows[FINDINGS].isna().all(axis=1)
    # Lower is better; idxmin takes the first of equals.
    rank = 2 * (without * (1 + empty.sum(axis=1))) + unlabelled
    chosen = rows.loc[study.map(rank.groupby(study, sort=False).idxmin()), columns].set_axis(rows.index)
    differing = study[(chosen.ne(rows[columns]) & rows[columns].notna()).any(axis=1)].nunique()
    return rows.assign(**{name: chosen[name].fillna("") for name in columns}), int(differing)
