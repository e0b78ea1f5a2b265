"""Sections of MIMIC-CXR reports: from the text files (in their zip or unpacked) or from a sectioned table."""

import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path

import pandas as pd

from adfair.data.readers.sources import find_file, read_columns
from adfair.errors import DataError

ARCHIVE = "mimic-cxr-reports.zip"
SECTIONED = "mimic_cxr_sectioned.csv"
FORM = "files/pNN/pSUBJECT/sSTUDY.txt"
MAX_REPORT = 1 << 20
"""Bytes of one report; the real ones have a few thousand."""

_PROBED, _FOLDERS_PROBED = 400, 20
_HEADING = re.compile(r"^[ \t]*([A-Z][A-Z0-9 /,()&-]{2,60}?)[ \t]*:", re.MULTILINE)
_NAMES = {
    "findings": {"FINDING", "FINDINGS"},
    "impression": {"IMPRESSION", "IMPRESSIONS", "CONCLUSION", "CONCLUSIONS"},
}
# The title of a study as a heading, under which some reports say what was found; the second are about the study.
_TITLE = re.compile(r"\b(?:CHEST|PORTABLE|FRONTAL|LATERAL|PA|AP|RIBS|(?:ONE|TWO) VIEWS?)\b")
_NO_TITLE = re.compile(
    r"ADDENDUM|CLINICAL|COMPARISON|EXAM|HISTORY|INDICATION|PROCEDURE|REASON|STUDY|TECHNIQUE"
)


def split_report(text: str) -> dict[str, str]:
    """Findings, impression and the last paragraph of one report; '' where there is none.

    A heading is a word in capitals and a colon at the start of a line; a conclusion is an impression. Of several
    sections with one name the last that has text counts. So it is in the sectioning script of MIMIC-CXR's authors, which
    also takes what stands under the title of a study ("CHEST, TWO VIEWS:") for findings. Our choice: such text counts
    only where no findings section has any, and a heading that names both findings and impression counts for both.
    """
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)] * bool(headings)
    sections, titled = {"findings": "", "impression": ""}, ""
    for heading, end in zip(headings, ends, strict=True):
        said = _one_line(text[heading.end() : end])
        names = [name for name, ours in _NAMES.items() if ours.intersection(re.findall("[A-Z]+", heading[1]))]
        if said:
            sections |= dict.fromkeys(names, said)
            titled = said if not names and _is_title(heading[1]) else titled
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    return sections | {
        "findings": sections["findings"] or titled,
        "last_paragraph": _one_line(paragraphs[-1]) if paragraphs else "",
        "report": text.strip(),
    }


def _is_title(heading: str) -> bool:
    return bool(_TITLE.search(heading)) and not _NO_TITLE.search(heading)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def read_sections(sources: list[Path], studies: pd.DataFrame) -> tuple[pd.DataFrame, Path] | None:
    """Sections of every study, from whichever form of the reports the sources hold.

    Args:
        sources: files and folders.
        studies: columns subject_id and study_id, one row a study.

    Returns:
        Columns study_id and ``section:NAME`` for the studies that have a report, and the file or folder they are
        from; None where no source holds reports.

    Raises:
        DataError: an archive or table is damaged, a report is no text, or the reports are of other studies.
    """
    table = find_file(sources, [SECTIONED])
    if table is not None:
        return _sectioned(table), table
    archive = find_file(sources, [ARCHIVE])
    if archive is not None:
        return _from_archive(archive, studies), archive
    trees = [root for source in sources for root in (source, source / "mimic-cxr-reports")]
    for root in trees:
        if _has_any(root, studies) or _looks_like_reports(root / "files"):
            sections = _table(studies, partial(_read_file, root))
            if not sections.empty:
                return sections, root
    for root in trees:
        if any(map(_looks_like_reports, (root / "files", root))):
            raise _no_match(root)
    return None


def _sectioned(file: Path) -> pd.DataFrame:
    names = ["findings", "impression", "last_paragraph"]
    table = read_columns(file, ["study", "findings", "impression"], optional=["last_paragraph"])
    ours = {f"section:{name}": table[name] for name in names if name in table}
    return pd.DataFrame({"study_id": table["study"].str.removeprefix("s")} | ours)


def _name(subject: str, study: str) -> str:
    return f"files/p{subject[:2]}/p{subject}/s{study}.txt"


def _has_any(root: Path, studies: pd.DataFrame) -> bool:
    """Whether a report is there of one of some studies spread over the table: a source may hold only some patients."""
    some = studies.iloc[:: max(1, len(studies) // _PROBED)]
    return any(
        os.path.isfile(root / _name(*pair)) for pair in zip(some["subject_id"], some["study_id"], strict=True)
    )


def _looks_like_reports(folder: Path) -> bool:
    """Whether texts lie where MIMIC-CXR's would, ``p10/p10000032/s*.txt``, in the first few folders."""
    return any(
        name.startswith("s") and name.endswith(".txt")
        for group in _folders(folder)
        for patient in _folders(group)
        for name in os.listdir(patient)
    )


def _folders(folder: Path) -> list[Path]:
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        named = (Path(each) for each in entries if each.name.startswith("p") and each.is_dir())
        return list(islice(named, _FOLDERS_PROBED))


def _table(studies: pd.DataFrame, read: Callable[[str, int], str | None]) -> pd.DataFrame:
    """Sections of the studies that ``read`` has a report of, given its name and the row of the study's first image."""
    rows: list[dict[str, str]] = []
    for index, subject, study in zip(studies.index, studies["subject_id"], studies["study_id"], strict=True):
        text = read(_name(subject, study), index + 1)
        if text is not None:
            rows.append({"study_id": study} | {f"section:{k}": v for k, v in split_report(text).items()})
    return pd.DataFrame(rows)


def _from_archive(file: Path, studies: pd.DataFrame) -> pd.DataFrame:
    try:
        with zipfile.ZipFile(file) as archive:
            there = _prefixed(archive.namelist())

            def read(name: str, row: int) -> str | None:
                if name not in there:
                    return None
                info = archive.getinfo(there[name])
                if info.file_size > MAX_REPORT:
                    raise _no_report(file, row)
                return _decoded(archive.read(info), file, row)

            table = _table(studies, read)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, zlib.error):
        raise DataError.at("damaged, or ends early", file=file, remedy="Download it again.") from None
    if table.empty:
        raise _no_match(file)
    return table


def _no_match(file: Path) -> DataError:
    return DataError.at(
        "holds no report of the studies in the metadata",
        file=file,
        remedy=f"Expected {FORM} in it, of the same subjects and studies; correct this SOURCE or leave it out.",
    )


def _prefixed(names: Iterable[str]) -> dict[str, str]:
    """``files/...`` -> the name within the archive, which may stand in a folder of its own."""
    return {name[name.index("files/") :]: name for name in names if "files/" in name}


def _read_file(root: Path, name: str, row: int) -> str | None:
    path = root / name
    if not os.path.isfile(path):
        return None
    if root.resolve() not in path.resolve().parents or path.stat().st_size > MAX_REPORT:
        raise _no_report(root, row)
    return _decoded(path.read_bytes(), root, row)


def _decoded(data: bytes, file: Path, row: int) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _no_report(file, row) from None


def _no_report(file: Path, row: int) -> DataError:
    """By the row of the metadata: the name of the file holds the patient's id."""
    return DataError.at(
        f"the report of the study in row {row} of the metadata is none: not UTF-8, longer than {MAX_REPORT:,} bytes, "
        "or a link out of the folder",
        file=file,
        remedy="Download it again or remove it.",
    )
