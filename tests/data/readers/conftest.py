"""A table with images, found rows, and MIMIC-CXR-JPG in small, as their files lie on a disk."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.readers.found_rows import ROWS
from tests.data.readers.mimic_files import (
    ADMISSIONS,
    CHEXPERT,
    METADATA,
    PATIENTS,
    REPORTS,
    SPLIT,
    write_gzip,
)
from tests.data.readers.table_file import CSV

from adfair.data.readers import ImportReport, get_reader
from adfair.data.readers.found import Found


@pytest.fixture
def mimic_jpg(tmp_path: Path) -> Path:
    root = tmp_path / "jpg"
    tables = {"metadata": METADATA, "split": SPLIT, "chexpert": CHEXPERT, "negbio": CHEXPERT}
    for name, text in tables.items():
        write_gzip(root / f"mimic-cxr-2.0.0-{name}.csv.gz", text)
    for line in METADATA.splitlines()[1:]:
        image, subject, study = line.split(",")[:3]
        path = root / f"files/p{subject[:2]}/p{subject}/s{study}/{image}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(path)
    return root


@pytest.fixture
def mimic_iv(tmp_path: Path) -> Path:
    write_gzip(tmp_path / "iv/hosp/patients.csv.gz", PATIENTS)
    write_gzip(tmp_path / "iv/hosp/admissions.csv.gz", ADMISSIONS)
    return tmp_path / "iv"


@pytest.fixture
def mimic_reports(tmp_path: Path) -> Path:
    path = tmp_path / "cxr/mimic-cxr-reports.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in REPORTS.items():
            archive.writestr(f"files/{name}.txt", text)
    return path


@pytest.fixture
def read_mimic(
    mimic_jpg: Path, mimic_iv: Path, mimic_reports: Path, tmp_path: Path
) -> Callable[..., ImportReport]:
    def run(*options: str, sources: list[Path] | None = None) -> ImportReport:
        given = [mimic_jpg, mimic_reports, mimic_iv] if sources is None else sources
        return get_reader("mimic-cxr-jpg").read(given, out=tmp_path / "out", options=options, force=True)

    return run


@pytest.fixture
def table_source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "pictures/a").mkdir(parents=True)
    for i in range(7):
        Image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(folder / f"pictures/a/{i}.png")
    (folder / "data.csv").write_text(CSV)
    return folder / "data.csv"


@pytest.fixture
def found(tmp_path: Path) -> Found:
    root = tmp_path / "images"
    root.mkdir()
    rows = ROWS.assign(image_path=ROWS["image_id"] + ".png")
    for i, path in enumerate(rows["image_path"]):
        Image.fromarray(np.full((4, 4), i, dtype=np.uint8)).save(root / path)
    return Found(
        name="made", source="a test", licence="none", file=tmp_path / "made.csv", rows=rows,
        findings=["Edema"], image_root=root, tables={"race": "race_mimic"},
    )  # fmt: skip
