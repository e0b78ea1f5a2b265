"""Open-i, the Indiana University chest X-rays (Demner-Fushman et al., JAMIA 2016): reports with PNG images.

Two forms are read: the archive ``NLMCXR_reports.tgz`` (one XML a report), and Kaggle's tables
``indiana_reports.csv`` with ``indiana_projections.csv``, which alone say which image is frontal. Patients are
not named, so every report counts as a patient of its own. Labels are the MeSH terms of the coders, mapped by
``indiana_labels.yaml``. Sex is nowhere but in words of the text; it is read from them only when 'sex' is named
among the attributes.
"""

import re
from pathlib import Path

import pandas as pd

from adfair.data.readers import lookup
from adfair.data.readers.indiana_xml import read_archive
from adfair.data.readers.label_tables import load_label_table
from adfair.data.readers.options import ReadOptions
from adfair.data.readers.report import Flow
from adfair.data.readers.source import Found
from adfair.data.validate import refuse
from adfair.errors import ConfigError

WANTS = "NLMCXR_reports.tgz, indiana_reports.csv, or the folder of one of them"
ARCHIVE, REPORTS, PROJECTIONS = "NLMCXR_reports.tgz", "indiana_reports.csv", "indiana_projections.csv"
COLUMNS = ("uid", "MeSH", "indication", "comparison", "findings", "impression")
SEARCH = (".", "images", "images/images_normalized", "NLMCXR_png")
VIEWS = {"Frontal": "frontal", "Lateral": "lateral"}
SECTIONS = ("indication", "comparison", "findings", "impression")
_FEMALE, _MALE = r"\b(?:female|woman|women|lady|girl)\b", r"\b(?:male|man|men|gentleman|boy)\b"


def find(sources: list[Path], options: ReadOptions) -> Found:
    """Read reports, codes and the images that belong to them.

    Args:
        sources: the archive, Kaggle's table of reports, or the folder of either.
        options: ``maps.labels`` replaces ``indiana_labels.yaml``; ``attributes=sex`` reads the sex from text.

    Raises:
        DataError: an archive that is damaged or holds what it should not, another header, a report or image
            twice, an image of a report that is not there.
        ConfigError: the label table is wrong, or frontal images are asked for and nothing says which they are.
    """
    source = lookup.one_source(sources, reader="indiana", wants=WANTS)
    file = lookup.find_table(source, (ARCHIVE, REPORTS))
    reports, images = _kaggle(file) if ".csv" in file.suffixes else read_archive(file)
    notes = _notes(reports, images)
    rows = images.merge(reports, on="uid", how="left", sort=False)
    flow = Flow()
    flow.add("images of the reports", rows, rows["uid"])
    names = rows["image"]
    views = _views(rows["view"], names, folder=file.parent)
    if views.eq("").all() and options.views != "all":
        raise ConfigError(
            f"{file} does not say which image is frontal: put Kaggle's {PROJECTIONS} beside it, or take all "
            "images by --set views=all"
        )
    hot, coded = _findings(rows["MeSH"], options.maps.get("labels"))
    columns = {
        "image_id": names.str.replace(r"(\.dcm)?\.png$", "", regex=True),
        "patient_id": rows["uid"],
        "study_id": rows["uid"],
        "image_path": lookup.find_images(names, root=file.parent, search=SEARCH, file=file, column="image"),
        "view": views,
        **{f"section:{name}": rows[name] for name in ("findings", "impression")},
    }
    if options.attributes and "sex" in options.attributes:
        columns["raw:sex"] = sex_in_text(rows)
    return Found(
        name="indiana",
        source="Open-i, Indiana University chest X-ray collection (Demner-Fushman et al., JAMIA 2016)",
        licence="CC BY-NC-ND 4.0 (as the archive's files say)",
        file=file,
        rows=pd.DataFrame(columns).join(hot),
        findings=[str(name) for name in hot],
        image_root=file.parent,
        flow=flow,
        notes=[*notes, coded, _sex_note(columns.get("raw:sex"))],
    )


def sex_in_text(reports: pd.DataFrame) -> pd.Series:
    """F or M where the words of a report name one sex, '' where they name none or both: text [N].

    Args:
        reports: columns indication, comparison, findings, impression.
    """
    text = reports[SECTIONS[0]]
    for section in SECTIONS[1:]:
        text = text + " " + reports[section]
    text = text.str.lower()
    female, male = text.str.contains(_FEMALE), text.str.contains(_MALE)
    return pd.Series("", index=reports.index).mask(female & ~male, "F").mask(male & ~female, "M")


def _sex_note(sex: pd.Series | None) -> str:
    if sex is None:
        return "The source names no sex; 'attributes=sex' takes it from words such as 'woman' in the reports."
    return f"Sex is what words of the report say: {sex.ne('').sum():,} of {len(sex):,} images have one."


def _notes(reports: pd.DataFrame, images: pd.DataFrame) -> list[str]:
    without = int((~reports["uid"].isin(images["uid"])).sum())
    return [
        f"{len(reports):,} reports, {without:,} of them without an image.",
        "The source does not name patients: each report counts as a patient of its own.",
    ]


def _kaggle(file: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reports and images of the tables: columns as ``read_archive`` gives them."""
    reports = lookup.read_source_table(file, COLUMNS)[list(COLUMNS)]
    twice = reports["uid"].duplicated()
    refuse(twice, "this uid has a row already", file=file, column="uid", remedy="Remove one of the rows.")
    other = lookup.find_table(file.parent, (PROJECTIONS,))
    images = lookup.read_source_table(other, ("uid", "filename", "projection"))
    remedy = "Download both tables again."
    lost = ~images["uid"].isin(reports["uid"])
    refuse(lost, "the image's report is not in the table of reports", file=other, column="uid", remedy=remedy)
    return reports, images.rename(columns={"filename": "image", "projection": "view"})[
        ["uid", "image", "view"]
    ]


def _views(views: pd.Series, names: pd.Series, *, folder: Path) -> pd.Series:
    """frontal or lateral where a table says so; Kaggle's table beside the archive serves as well."""
    tables = [path for path in (folder / PROJECTIONS, folder / f"{PROJECTIONS}.gz") if path.is_file()]
    if views.eq("").all() and tables:
        table = lookup.read_source_table(tables[0], ("uid", "filename", "projection"))
        # Kaggle names the file 1_IM-0001-4001.dcm.png what the archive calls CXR1_1_IM-0001-4001.
        keys = table["filename"].str.replace(r"\.dcm\.png$", "", regex=True)
        known = dict(zip("CXR" + table["uid"] + "_" + keys, table["projection"], strict=True))
        views = names.str.removesuffix(".png").map(known).fillna("").astype(str)
    return views.map(lambda view: VIEWS.get(view.capitalize(), "other" if view else ""))


def _findings(terms: pd.Series, own: Path | None) -> tuple[pd.DataFrame, str]:
    """Labels from MeSH terms joined by ';'; a report that was not coded mentions nothing."""
    table = load_label_table("indiana_labels.yaml", own)
    named = terms.str.split(";", regex=False).explode().str.strip()
    coded = terms.ne("") & ~terms.index.isin(named.index[named.isin(table.unlabelled)])
    try:
        rules = {finding: re.compile("|".join(each)) for finding, each in table.findings.items()}
    except re.error as error:
        raise ConfigError(f"{own or 'indiana_labels.yaml'}: not a regular expression ({error})") from None
    columns = {}
    for finding, rule in rules.items():
        hit = terms.index.isin(named.index[named.map(lambda term, rule=rule: bool(rule.match(term)))])
        columns[finding] = pd.Series("0", index=terms.index).mask(hit, "1").where(coded, "")
    return pd.DataFrame(columns), f"{(~coded).sum():,} images belong to reports that were not coded."
