"""NIH ChestX-ray14 (Wang et al., CVPR 2017): ``Data_Entry_2017[_v2020].csv`` and the images in any layout.

Labels were mined from reports that are not published, so a finding that is not listed counts as absent. There
is no race. ``train_val_list.txt`` and ``test_list.txt`` give the split when both stand beside the table.
"""

from pathlib import Path

import pandas as pd

from adfair.data.readers import lookup
from adfair.data.readers.label_tables import load_label_table
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import Flow
from adfair.data.readers.source import Found
from adfair.data.validate import refuse
from adfair.errors import DataError

WANTS = "the folder of the archive, or its table Data_Entry_2017_v2020.csv (also .gz)"
TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
COLUMNS = ("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "View Position")
SEX = ("Patient Gender", "Patient Sex")  # renamed between releases of the table
SEARCH = (".", "images", "images_*", "images_*/images", "images-224", "images-224/images-224")
LABELS = [
    "No Finding",
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
]


def find(sources: list[Path], options: ReadOptions) -> Found:
    """Read the table and look for its images.

    Args:
        sources: the archive's folder or its table.
        options: ``maps.labels`` replaces ``nih_labels.yaml``.

    Raises:
        DataError: another header, a label outside the 15 names, a split list that disagrees with the table,
            an image found twice.
        ConfigError: the label table is wrong.
    """
    file = lookup.find_table(lookup.one_source(sources, reader="nih", wants=WANTS), TABLES)
    table = lookup.read_source_table(file, COLUMNS)
    sex = next((name for name in SEX if name in table), SEX[0])
    lookup.require_columns(table, [sex], file=file)
    flow = Flow()
    flow.add("rows of the table", table, table["Patient ID"])
    names = table["Image Index"]
    paths = lookup.find_images(names, root=file.parent, search=SEARCH, file=file, column="Image Index")
    hot = _findings(table["Finding Labels"], options.maps.get("labels"), file=file)
    split, notes = _official_split(names, folder=file.parent, file=file)
    columns = {
        "image_id": names.str.replace(r"\.[^.]*$", "", regex=True),
        "patient_id": table["Patient ID"],
        "study_id": table["Patient ID"] + "-" + table["Follow-up #"],
        "image_path": paths,
        "raw:view": table["View Position"],
        "age": table["Patient Age"],
        "split": split,
        "raw:sex": table[sex],
    }
    return Found(
        name="nih-chestxray14",
        source="NIH ChestX-ray14 (Wang et al., CVPR 2017); data provider is the NIH Clinical Center",
        licence="no restrictions on use; cite the source and acknowledge the NIH Clinical Center",
        file=file,
        rows=pd.DataFrame(columns).join(hot),
        findings=[str(name) for name in hot],
        image_root=file.parent,
        flow=flow,
        notes=notes,
    )


def _findings(cells: pd.Series, own: Path | None, *, file: Path) -> pd.DataFrame:
    named = cells.str.split("|", regex=False).explode().str.strip()
    refuse(
        ~named.isin([*LABELS, ""]),
        # Not quoted unless it is a label in another case: of a column that is not the labels it may be a report.
        lambda row: f"{_told(named.iloc[row])} none of the labels {', '.join(LABELS)}",
        file=file,
        column="Finding Labels",
        remedy="Give the data set's own table, or use 'adfair import table'.",
    )
    healthy = named.eq("No Finding").groupby(level=0).any()
    refuse(
        healthy & (named.ne("No Finding") & named.ne("")).groupby(level=0).any(),
        "No Finding beside a finding",
        file=file,
        column="Finding Labels",
        remedy="Correct the cell.",
    )
    findings = load_label_table("nih_labels.yaml", own).findings
    return lookup.multi_hot(named, findings, given=cells.ne(""))


def _told(name: str) -> str:
    folded = {label.casefold(): label for label in LABELS}
    return f"'{name}' is" if name.casefold() in folded else "one of the names is"


def _official_split(names: pd.Series, *, folder: Path, file: Path) -> tuple[pd.Series, list[str]]:
    """'train' or 'test' by the two published lists; '' where they are not both there, and a note where one is."""
    files = {"train": folder / "train_val_list.txt", "test": folder / "test_list.txt"}
    absent = [each.name for each in files.values() if not each.is_file()]
    if absent:
        note = f"{', '.join(absent)} is not beside the table: the published split is not used."
        return pd.Series("", index=names.index), [note] * (len(absent) == 1)
    train, test = (_listed(each) for each in files.values())
    remedy = "Download both lists again, or move them away to split by patient."
    for rows, what in ((train & test, "both lists"), (set(names) - train - test, "neither list")):
        fault = f"the image is in {what} of train_val_list.txt and test_list.txt"
        refuse(names.isin(rows), fault, file=file, column="Image Index", remedy=remedy)
    return names.isin(test).map({True: "test", False: "train"}), []


def _listed(file: Path) -> set[str]:
    try:
        return set(file.read_text("utf-8-sig").split())
    except (OSError, UnicodeDecodeError):
        raise DataError.at(
            "cannot be read as UTF-8 text", file=file, remedy="Download it again, or move it away."
        ) from None
