"""A hundred canary strings planted in a cohort, and a search for them in whatever came out."""

import io
import shutil
import traceback
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.cli.app import run as command
from adfair.data.manifest import load_cohort, write_cohort

ROWS = 100
KINDS = ("REPORT", "IMAGE", "PATIENT", "STUDY", "FILE", "TAG")
FREE_TEXT = ("REPORT", "STUDY", "FILE", "TAG")
"""What no file outside the cohort's own manifest ever holds, not even a table that lists images."""


def canary(kind: str, row: int) -> str:
    """The string of one row, for example ``REPORT-CANARY007``."""
    return f"{kind}-CANARY{row:03d}"


def planted(source: Path, target: Path, *, dicom: bool = False) -> Path:
    """A copy in which a hundred rows carry a canary each in report, ids and file name: 60 to train on, 40 to test on.

    With ``dicom`` every tenth of these images is a DICOM file that has it in its tags too.
    """
    shutil.copytree(source, target)
    cohort = load_cohort(source)
    table = cohort.table.copy()
    learnt = table["split"].isin(["train", "val"])
    rows = [*table.index[learnt][:60], *table.index[~learnt & table["split"].eq("test")][: ROWS - 60]]
    for i, row in enumerate(rows):
        old = target / table.loc[row, "image_path"]
        new = old.with_name(f"{canary('FILE', i)}{'.dcm' if dicom and i % 10 == 0 else old.suffix}")
        old.rename(new)
        if new.suffix == ".dcm":
            write_dicom(new, np.asarray(Image.open(new)), i)
        table.loc[row, "image_path"] = str(new.relative_to(target))
        table.loc[row, "report"] = f"{canary('REPORT', i)}. {table.loc[row, 'report']}"
        for kind in ("IMAGE", "PATIENT", "STUDY"):
            column = f"{kind.lower()}_id"
            table.loc[row, column] = f"{canary(kind, i)}-{table.loc[row, column]}"
    write_cohort(target, cohort.info, table)
    return target


def write_dicom(path: Path, pixels: np.ndarray, i: int) -> None:
    """A radiograph whose name, number, description, comments and private tags are a canary."""
    pydicom = pytest.importorskip("pydicom", reason="needs the extra dicom")
    made, name = pydicom.Dataset(), canary("TAG", i)
    made.SOPClassUID, made.SOPInstanceUID = pydicom.uid.DigitalXRayImageStorageForPresentation, "1.2.3"
    made.PatientName, made.PatientID, made.StudyDescription = f"{name}^Ann", name, name
    made.PatientComments, made.InstitutionName, made.AccessionNumber = name, name, name
    made.private_block(0x0011, name, create=True).add_new(0x01, "LO", name)
    made.Rows, made.Columns, made.SamplesPerPixel = *pixels.shape, 1
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.PhotometricInterpretation, made.PixelData = "MONOCHROME2", pixels.astype(np.uint8).tobytes()
    made["PixelData"].VR = "OB"
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made.save_as(path, enforce_file_format=True)


class Heard:
    """Runs commands and keeps all that reached the terminal, and the tracebacks of those that failed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.texts = capsys, list[bytes]()
        monkeypatch.setenv("ADFAIR_DEBUG", "1")

    def __call__(self, *words: object) -> int | None:
        """The exit code, ``None`` where an error of our own making came through."""
        return self.call(command, [str(word) for word in words])

    def call(self, function: Any, *arguments: Any, **keys: Any) -> Any:
        """What a function returns; ``None`` where it raises, whose traceback is then searched too."""
        try:
            return function(*arguments, **keys)
        except Exception as error:
            # With the locals' names and lines of code, as a user would paste it into a bug report.
            self.texts.append("".join(traceback.format_exception(error)).encode())
            return None
        finally:
            heard = self.capsys.readouterr()
            self.texts += [heard.out.encode(), heard.err.encode()]

    def leaks(self) -> list[str]:
        """Canaries of any kind in what was heard."""
        return found(self.texts)


def found(texts: Iterable[bytes], kinds: Iterable[str] = KINDS) -> list[str]:
    """Canaries in some bytes, also in numpy's four bytes a character and UTF-16's two."""
    marks = [f"{kind}-CANARY" for kind in kinds]
    codes = {mark: [mark.encode(code) for code in ("utf-8", "utf-16-le", "utf-32-le")] for mark in marks}
    return sorted({mark for text in texts for mark in marks if any(code in text for code in codes[mark])})


def in_files(*folders: Path, kinds: Iterable[str] = KINDS, but: Iterable[str] = ()) -> list[str]:
    """Canaries in the names and bytes of all files of some folders, archives unpacked, except files of some names."""
    files = [path for place in folders for path in (place, *place.rglob("*")) if path.is_file()]
    assert files, "nothing to search"
    return found((text for path in files if path.name not in but for text in _texts(path)), kinds)


def _texts(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield path.name.encode() + b"\n" + data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def source_table(cohort: Path, file: Path) -> pd.DataFrame:
    """The planted rows as a foreign table beside its images, as text cells."""
    table = pd.read_csv(cohort / "manifest.csv", dtype=str, keep_default_na=False)
    table = table[table["image_id"].str.contains("CANARY")].reset_index(drop=True)
    table.to_csv(file, index=False)
    return table
