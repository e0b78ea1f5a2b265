"""Sections of MIMIC-CXR reports: from the text files (in their zip or unpacked) or from a sectioned table."""

import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from adfair.data.readers.sources import find_file, read_columns
from adfair.errors import DataError

ARCHIVE = "mimic-cxr-reports.zip"
SECTIONED = "mimic_cxr_sectioned.csv"
MAX_REPORT = 1 << 20
"""Bytes of one report; the real ones have a few thousand."""

_HEADING = re.compile(r"^[ \t]*([A-Z][A-Z0-9 /,()&-]{2,60}?)[ \t]*:", re.MULTILINE)
_NAMES = {"findings": "FINDINGS", "impression": "IMPRESSION"}


def split_report(text: str) -> dict[str, str]:
    """Findings, impression and the last paragraph of one report; '' where there is none.

    A heading is a word in capitals and a colon at the start of a line. Of two sections with one name the last one
    counts, as in the sectioning script of MIMIC-CXR's authors.
    """
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)] * bool(headings)
    sections = {"findings": "", "impression": ""}
    for heading, end in zip(headings, ends, strict=True):
        for name, word in _NAMES.items():
            if word in heading[1].split():
                sections[name] = _one_line(text[heading.end() : end])
    paragraphs = [part for part in re.split(r"\n\s*\n", text) if part.strip()]
    return sections | {
        "last_paragraph": _one_line(paragraphs[-1]) if paragraphs else "",
        "report": text.strip(),
    }


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
        DataError: an archive or table is damaged, or a report is no text.
    """
    table = find_file(sources, [SECTIONED])
    if table is not None:
        return _sectioned(table), table
    archive = find_file(sources, [ARCHIVE])
    if archive is not None:
        return _from_archive(archive, studies), archive
    for source in sources:
        for root in (source, source / "mimic-cxr-reports"):
            if _is_tree(root, studies):
                return _table(studies, lambda name, root=root: _read_file(root, name)), root  # type: ignore[misc]
    return None


def _sectioned(file: Path) -> pd.DataFrame:
    names = ["findings", "impression", "last_paragraph"]
    table = read_columns(file, ["study", "findings", "impression"], optional=["last_paragraph"])
    ours = {f"section:{name}": table[name] for name in names if name in table}
    return pd.DataFrame({"study_id": table["study"].str.removeprefix("s")} | ours)


def _name(subject: str, study: str) -> str:
    return f"files/p{subject[:2]}/p{subject}/s{study}.txt"


def _is_tree(root: Path, studies: pd.DataFrame) -> bool:
    pairs = zip(studies["subject_id"][:200], studies["study_id"][:200], strict=True)
    return any(os.path.isfile(root / _name(*pair)) for pair in pairs)


def _table(studies: pd.DataFrame, read: Callable[[str], str | None]) -> pd.DataFrame:
    rows: list[dict[str, str]] = []
    for subject, study in zip(studies["subject_id"], studies["study_id"], strict=True):
        text = read(_name(subject, study))
        if text is not None:
            rows.append({"study_id": study} | {f"section:{k}": v for k, v in split_report(text).items()})
    return pd.DataFrame(rows)


def _from_archive(file: Path, studies: pd.DataFrame) -> pd.DataFrame:
    try:
        with zipfile.ZipFile(file) as archive:
            there = _prefixed(archive.namelist())

            def read(name: str) -> str | None:
                if name not in there:
                    return None
                info = archive.getinfo(there[name])
                if info.file_size > MAX_REPORT:
                    raise _no_report(file, info.filename)
                return _decoded(archive.read(info), file, info.filename)

            table = _table(studies, read)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, zlib.error):
        raise DataError.at("damaged, or ends early", file=file, remedy="Download it again.") from None
    if table.empty:
        raise DataError.at(
            "holds no report of the studies in the metadata",
            file=file,
            remedy=f"Expected entries such as {_name(*studies.iloc[0][['subject_id', 'study_id']])}.",
        )
    return table


def _prefixed(names: Iterable[str]) -> dict[str, str]:
    """``files/...`` -> the name within the archive, which may stand in a folder of its own."""
    return {name[name.index("files/") :]: name for name in names if "files/" in name}


def _read_file(root: Path, name: str) -> str | None:
    path = root / name
    if not os.path.isfile(path):
        return None
    if root.resolve() not in path.resolve().parents or path.stat().st_size > MAX_REPORT:
        raise _no_report(root, name)
    return _decoded(path.read_bytes(), root, name)


def _decoded(data: bytes, file: Path, name: str) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise _no_report(file, name) from None


def _no_report(file: Path, name: str) -> DataError:
    return DataError.at(
        f"{name} is no report: not UTF-8, longer than {MAX_REPORT:,} bytes, or a link out of the folder",
        file=file,
        remedy="Download it again or remove it.",
    )
