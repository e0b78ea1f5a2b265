"""Readers of real data sets: each turns its source into a cohort folder and reports what it did."""

from adfair.data.readers.fairvlmed import import_fairvlmed
from adfair.data.readers.found import lazy_reader
from adfair.data.readers.report import ImportReport, Reader
from adfair.data.readers.table import import_table
from adfair.errors import ConfigError

__all__ = ["READERS", "ImportReport", "Reader", "get_reader", "import_table"]

READERS: dict[str, Reader] = {
    "table": Reader(
        summary="any CSV, TSV or parquet table, one row an image, by a column mapping in YAML (--mapping)",
        sources="one table",
        read=import_table,
    ),
    "chexpert-plus": Reader(
        summary="CheXpert Plus: images, reports, CheXbert labels, race, ethnicity, sex",
        sources="its folder (table, chexbert_labels, PNG or DICOM), or several paths",
        read=lazy_reader("chexpert_plus"),
    ),
    "chexpert": Reader(
        summary="CheXpert 2019: images, labels, sex; race and ethnicity with CHEXPERT DEMO",
        sources="the folder of train.csv, and CHEXPERT DEMO.xlsx or .csv",
        read=lazy_reader("chexpert"),
    ),
    "mimic-cxr-jpg": Reader(
        summary="MIMIC-CXR-JPG 2.0.0 or 2.1.0: images, reports, labels, race, sex and age from MIMIC-IV",
        sources="its folder, the reports (zip, folder or sectioned CSV), the folder of MIMIC-IV",
        read=lazy_reader("mimic"),
    ),
    "nih": Reader(
        summary="NIH ChestX-ray14 in any layout of its images",
        sources="the archive's folder, or its table Data_Entry_2017_v2020.csv (.gz)",
        read=lazy_reader("nih"),
    ),
    "padchest": Reader(
        summary="PadChest, its labels mapped to CheXpert's findings",
        sources="the folder, or its table PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv (.gz)",
        read=lazy_reader("padchest"),
    ),
    "indiana": Reader(
        summary="Open-i, the Indiana University chest X-rays: the XML archive or Kaggle's tables",
        sources="NLMCXR_reports.tgz or indiana_reports.csv, or the folder of one of them",
        read=lazy_reader("indiana"),
    ),
    "fairvlmed": Reader(
        summary="Harvard-FairVLMed, fundus images with notes; images are written into the cohort as PNG",
        sources="the folder that holds Training, Validation and Test",
        read=import_fairvlmed,
    ),
}


def get_reader(name: str) -> Reader:
    """The reader of that name. Raises ConfigError naming those there are."""
    if name not in READERS:
        raise ConfigError(f"no reader '{name}'; there are: {', '.join(READERS)}")
    return READERS[name]
