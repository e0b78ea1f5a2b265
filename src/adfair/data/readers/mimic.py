"""MIMIC-CXR-JPG (Johnson et al. 2019) 2.0.0 and 2.1.0, with MIMIC-CXR's reports and MIMIC-IV's demographics.

    adfair import mimic-cxr-jpg MIMIC-CXR-JPG MIMIC-CXR/mimic-cxr-reports.zip MIMIC-IV --out runs/mimic

SOURCES in any order: the folder of MIMIC-CXR-JPG (tables and ``files/``); the reports (the zip, the folder they were
unpacked to, or ``mimic_cxr_sectioned.csv``); the folder of MIMIC-IV (``hosp/`` or, before 2.0, ``core/``). Without
reports the cohort has none; without MIMIC-IV it has no attributes and is refused.

Labels: ``labels=chexpert`` (default), ``negbio``, or ``radiologist`` with 2.1.0: CheXpert labels for train and val,
and of the test split only the studies that radiologists labelled, with their labels. Race is what the admissions say
(``conflicting`` decides between them; peers take the first one, or drop patients who disagree). Age is that at the
study: anchor_age + year of StudyDate - anchor_year, which assumes that both data sets shift a patient's dates alike.
"""

from pathlib import Path

import pandas as pd

from adfair.data.readers.chexpert_labels import FINDINGS
from adfair.data.readers.mimic_people import read_people
from adfair.data.readers.mimic_sections import read_sections
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import Flow
from adfair.data.readers.source import Found
from adfair.data.readers.sources import best_root, folders_of, join, need_file, own_splits, read_columns

_PREFIX = "mimic-cxr-2.0.0-"  # version 2.1.0 kept these names
TEST_LABELS = "mimic-cxr-2.1.0-test-set-labeled.csv"
LABELS_FROM = ("chexpert", "negbio", "radiologist")
_METADATA = ("dicom_id", "subject_id", "study_id", "ViewPosition", "StudyDate")
_SPLITS = {"train": "train", "validate": "val", "test": "test"}


def find(sources: list[Path], options: ReadOptions) -> Found:
    """Read MIMIC-CXR-JPG. Raises DataError naming the file, row and column that is not as expected."""
    kind = options.choose_labels(LABELS_FROM, reader="mimic-cxr-jpg")
    file = need_file(sources, [f"{_PREFIX}metadata.csv"], what="metadata of MIMIC-CXR-JPG")
    rows = read_columns(file, _METADATA)
    flow = Flow()
    flow.add(f"rows of {file.name}", rows, rows["subject_id"])
    rows = _with_split(rows, sources)
    rows, unlabelled = _with_labels(rows, sources, kind=kind)
    if kind == "radiologist":
        rows = rows[rows["split"].ne("test") | rows["by_radiologist"]].drop(columns="by_radiologist")
        flow.add("of the test split, studies labelled by radiologists", rows, rows["subject_id"])
    rows, notes = _with_sections(rows, sources)
    people = read_people(rows, sources)
    rows = rows.assign(age=people.age, **{"raw:view": rows["ViewPosition"], "raw:sex": people.sex})
    root, paths = best_root(
        [_paths(rows, end) for end in (".jpg", ".png", ".dcm")], roots=folders_of(sources, []), table=file
    )
    return Found(
        name="mimic-cxr-jpg",
        source="MIMIC-CXR-JPG (Johnson et al. 2019), PhysioNet",
        licence="PhysioNet Credentialed Health Data License 1.5.0",
        file=file,
        rows=_named(rows).assign(image_path=paths),
        findings=FINDINGS,
        image_root=root,
        flow=flow,
        notes=[f"Labels: {kind}. {unlabelled}", *notes, *people.notes],
        statements={"race": people.race},
        tables={"race": "race_mimic"},
    )


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    names = {"dicom_id": "image_id", "subject_id": "patient_id"}
    return rows.rename(columns=names).drop(columns=["ViewPosition", "StudyDate"])


def _paths(rows: pd.DataFrame, end: str) -> pd.Series:
    subject = rows["subject_id"]
    folder = "files/p" + subject.str[:2] + "/p" + subject + "/s" + rows["study_id"]
    return folder + "/" + rows["dicom_id"] + end


def _with_split(rows: pd.DataFrame, sources: list[Path]) -> pd.DataFrame:
    file = need_file(sources, [f"{_PREFIX}split.csv"], what="split of MIMIC-CXR-JPG")
    splits = read_columns(file, ["dicom_id", "split"])
    splits["split"] = own_splits(splits["split"], _SPLITS, file=file)
    return join(rows, splits, on=["dicom_id"], file=file)


def _with_labels(rows: pd.DataFrame, sources: list[Path], *, kind: str) -> tuple[pd.DataFrame, str]:
    keys = ["subject_id", "study_id"]
    named = "chexpert" if kind == "radiologist" else kind
    file = need_file(sources, [f"{_PREFIX}{named}.csv"], what=f"{named} labels of MIMIC-CXR-JPG")
    table = read_columns(file, [*keys, *FINDINGS])
    rows = join(rows, table, on=keys, file=file)
    studies = rows.drop_duplicates(keys)[keys]
    without = len(studies) - len(studies.merge(table[keys], on=keys))
    note = f"{without:,} of {len(studies):,} studies have no row in {file.name}: their findings are empty."
    if kind != "radiologist":
        return rows, note
    file = need_file(sources, [TEST_LABELS], what="test labels of MIMIC-CXR-JPG 2.1.0")
    columns = ["Airspace Opacity" if name == "Lung Opacity" else name for name in FINDINGS]
    test = read_columns(file, ["study_id", *columns]).rename(columns={"Airspace Opacity": "Lung Opacity"})
    labelled = join(rows[["study_id"]], test.assign(there="1"), on=["study_id"], file=file)
    there = labelled["there"].eq("1")
    labels = {name: rows[name].mask(there, labelled[name]) for name in FINDINGS}
    return rows.assign(**labels, by_radiologist=there), note


def _with_sections(rows: pd.DataFrame, sources: list[Path]) -> tuple[pd.DataFrame, list[str]]:
    found = read_sections(sources, rows[["subject_id", "study_id"]].drop_duplicates())
    if found is None:
        return rows, ["No reports were given (mimic-cxr-reports.zip, its folder or mimic_cxr_sectioned.csv)."]
    table, file = found
    return join(rows, table, on=["study_id"], file=file), []
