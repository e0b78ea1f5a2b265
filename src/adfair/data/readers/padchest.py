"""PadChest (Bustos et al., Medical Image Analysis 2020): one table, 16-bit PNG in numbered folders or in one.

Labels are lists of a fine vocabulary; ``padchest_labels.yaml`` maps them to CheXpert's findings. There is no
race. The age is the year of the study less the year of birth, so it may be one too high. Reports are Spanish
and cut to word stems; they are ``section:report`` only when asked for, since our text towers read English.
"""

from pathlib import Path

import pandas as pd

from adfair.data.paths import list_images
from adfair.data.readers import lookup
from adfair.data.readers.cells import age_of_parts
from adfair.data.readers.faults import Fault, without_faults
from adfair.data.readers.label_tables import load_label_table
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import Flow
from adfair.data.readers.source import Found
from adfair.data.validate import refuse

WANTS = "the folder of the data set, or its table PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv (.gz)"
TABLES = ("PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",)
COLUMNS = (
    "ImageID", "StudyID", "PatientID", "PatientBirth", "PatientSex_DICOM", "StudyDate_DICOM", "Projection",
    "MethodLabel", "Report", "Labels",
)  # fmt: skip
SEARCH = (".", "images", "[0-9]", "[0-9][0-9]", "images/[0-9]", "images/[0-9][0-9]")
VIEWS = {"PA": "PA", "AP": "AP", "AP_horizontal": "AP", "L": "lateral"}
LABEL_SOURCES = ("all", "physician")
_ITEM = r"""(?:'[^']*'|"[^"]*")"""
_LIST = rf"\[\s*(?:{_ITEM}\s*(?:,\s*{_ITEM}\s*)*)?\]"


def find(sources: list[Path], options: ReadOptions) -> Found:
    """Read the table and look for its images.

    Args:
        sources: the folder or the table.
        options: ``maps.labels`` replaces ``padchest_labels.yaml``; ``labels=physician`` leaves out labels
            that a network wrote; ``sections=report`` takes the Spanish reports; ``max_bad=0.1%`` skips files
            that end early (the published archive is known to hold about ten of them, and ten are not there).

    Raises:
        DataError: another header, a 'Labels' cell that is no list, an image found twice, more images that
            end early than ``max_bad`` allows.
        ConfigError: the label table is wrong, or ``labels`` is none of all and physician.
    """
    file = lookup.find_table(lookup.one_source(sources, reader="padchest", wants=WANTS), TABLES)
    table = lookup.read_source_table(file, COLUMNS)
    flow = Flow()
    flow.add("rows of the table", table, table["PatientID"])
    names = table["ImageID"]
    hot, notes = _findings(table, options, file=file)
    columns = {
        "image_id": names.str.replace(r"\.[^.]*$", "", regex=True),
        "patient_id": table["PatientID"],
        "study_id": table["StudyID"],
        "image_path": lookup.find_images(names, root=file.parent, search=SEARCH, file=file, column="ImageID"),
        "view": table["Projection"].map(lambda view: VIEWS.get(view, "other" if view else "")),
        "age": _age(table),
        "raw:sex": table["PatientSex_DICOM"].replace(["None", "nan"], ""),
    }
    rows = pd.DataFrame(columns).join(hot)
    if any("report" in entry.split("+") for entry in options.sections):
        rows["section:report"] = table["Report"]
        notes.append("The reports are Spanish word stems: a text tower must have been trained on such text.")
    return Found(
        name="padchest",
        source="PadChest (Bustos et al., Medical Image Analysis 2020), Hospital San Juan de Alicante",
        licence="PadChest Dataset Research Use Agreement",
        file=file,
        rows=_whole_files(rows, flow, options, root=file.parent, file=file),
        findings=[str(name) for name in hot],
        image_root=file.parent,
        flow=flow,
        notes=notes,
    )


def _findings(table: pd.DataFrame, options: ReadOptions, *, file: Path) -> tuple[pd.DataFrame, list[str]]:
    cells = table["Labels"].where(table["Labels"].str.lower().ne("nan"), "")
    remedy = "Expected is a list such as ['nodule', 'scoliosis']; give the data set's own table."
    fault = ~cells.str.fullmatch(_LIST) & cells.ne("")
    refuse(fault, "not a list of labels", file=file, column="Labels", remedy=remedy)
    named = cells.str.findall(_ITEM).explode().dropna().str[1:-1].str.strip()
    named = named[named.ne("")]
    labels = load_label_table("padchest_labels.yaml", options.maps.get("labels"))
    labelled = table.index.isin(named.index[~named.isin(labels.unlabelled)])
    if options.choose_labels(LABEL_SOURCES, reader="padchest") == "physician":
        labelled &= table["MethodLabel"].eq("Physician")
    known = {name for names in labels.findings.values() for name in names} | set(labels.unlabelled)
    other = named[~named.isin(known)].nunique()
    notes = [f"{other} names of PadChest's vocabulary belong to none of the findings and are unused."]
    notes.append(f"{(~labelled).sum():,} images have no label that says anything; their findings are empty.")
    hot = lookup.multi_hot(named, labels.findings, given=pd.Series(labelled, index=table.index))
    return hot, notes


def _age(table: pd.DataFrame) -> pd.Series:
    """Year of the study less that of birth, as text; '' where one is missing."""
    born = table["PatientBirth"].replace(["None", "nan"], "")
    return age_of_parts([table["StudyDate_DICOM"].str[:4]], born)


def _whole_files(
    rows: pd.DataFrame, flow: Flow, options: ReadOptions, *, root: Path, file: Path
) -> pd.DataFrame:
    """Rows whose image file, where it is there, has its end marker; reads a few bytes of each."""
    missing, outside = list_images(root, rows["image_path"])
    looked_at = zip(rows["image_path"], missing | outside, strict=True)
    broken = [not gone and lookup.ends_early(root / path) for path, gone in looked_at]
    remedy = "Download it again."
    fault = Fault(pd.Series(broken, rows.index), "the image file ends early", "ImageID", remedy)
    patients = rows["patient_id"]
    return without_faults(rows, [fault], max_bad=options.max_bad, file=file, flow=flow, patients=patients)
