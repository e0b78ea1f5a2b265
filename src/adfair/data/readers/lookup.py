"""What the readers of published data sets share: find their files, check their headers, spread their labels."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.data.paths import outside_by_text
from adfair.data.readers.files import list_folders, locate
from adfair.data.readers.mapping import Images
from adfair.data.tables import read_text_table
from adfair.data.validate import refuse, shown_name
from adfair.errors import ConfigError, DataError

_NAMES_SHOWN = 40
_TABLES = (".csv", ".tsv", ".xlsx", ".parquet", ".csv.gz", ".tsv.gz", ".tgz", ".tar", ".tar.gz", ".zip")
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_TAIL = 64  # bytes in which an end marker is looked for, since some writers pad the file


def one_source(sources: Sequence[Path], *, reader: str, wants: str) -> Path:
    """The only SOURCE. Raises ConfigError when there are several, DataError when it is not there."""
    if len(sources) != 1:
        raise ConfigError(f"the reader '{reader}' takes one SOURCE, not {len(sources)}: {wants}")
    # os.path: pathlib raises where a name is too long to be a file's.
    if not (os.path.isfile(sources[0]) or os.path.isdir(sources[0])):
        raise DataError.at("no such file or folder", file=sources[0], remedy=f"SOURCE is {wants}.")
    return sources[0]


def listed_files(paths: Sequence[Path]) -> str:
    """Files for a message: tables and archives by name, all else, which may be named after patients, by number."""
    tables = [path for path in paths if path.name.lower().endswith(_TABLES) and not path.is_dir()]
    names = [listed([path.name for path in tables])] if tables else []
    if rest := len(paths) - len(tables):
        names.append(f"{rest:,} other files and folders")
    return " and ".join(names) or "nothing"


def find_table(source: Path, names: Sequence[str]) -> Path:
    """The source itself, or the first of ``names`` (also ``.gz``) in a folder. Raises DataError."""
    if source.is_file():
        return source
    for name in names:
        for path in (source / name, source / f"{name}.gz"):
            if path.is_file():
                return path
    raise DataError.at(
        f"expected {' or '.join(names)} (also .gz), found {listed_files(sorted(source.iterdir()))}",
        file=source,
        remedy="Name the file itself, or the folder that holds it under that name.",
    )


def read_source_table(file: Path, needed: Sequence[str]) -> pd.DataFrame:
    """Text cells without blanks around them. Raises DataError where the header is another than expected."""
    table = read_text_table(file, encoding="utf-8-sig", nameless="drop")
    require_columns(table, needed, file=file)
    return table.apply(lambda column: column.str.strip())


def require_columns(table: pd.DataFrame, needed: Sequence[str], *, file: Path) -> None:
    """Raise DataError naming the columns expected and those found."""
    absent = [name for name in needed if name not in table]
    if absent:
        raise DataError.at(
            f"not the expected header: no {', '.join(absent)}; expected {', '.join(needed)}; "
            f"found {listed_columns(table, needed)}",
            file=file,
            remedy="Give the data set's own table, or describe yours to 'adfair import table' by a mapping.",
        )
    if table.empty:
        raise DataError.at("the table has no rows", file=file, remedy="Download it again.")


def listed_columns(table: pd.DataFrame, needed: Sequence[str]) -> str:
    """Column names for a message; their number alone where none is known, for they may be a patient's cells."""
    if set(needed).isdisjoint(table.columns):
        return f"{len(table.columns)} others; does the first line name the columns?"
    return listed(list(table.columns))


def listed(names: Sequence[str]) -> str:
    """Names for a message, the first 40 of them."""
    return ", ".join(shown_name(str(name)) for name in names[:_NAMES_SHOWN]) or "nothing"


def find_images(names: pd.Series, *, root: Path, search: Sequence[str], file: Path, column: str) -> pd.Series:
    """Paths relative to ``root`` of image files given by bare name.

    Args:
        names: [N] file names; the index counts the rows of ``file``.
        search: folders below ``root`` (with wildcards) that may hold them.

    Returns:
        [N] paths, the bare name where no folder holds the file.

    Raises:
        DataError: a name with folders in it, a file found twice or linked out of ``root``.
    """
    stray = outside_by_text(names) | names.str.contains("/", regex=False)
    remedy = "A file name without folders is expected; correct the cell."
    refuse(stray, "not a bare file name", file=file, column=column, remedy=remedy)
    folders = {folder for pattern in search for folder in list_folders(root, pattern)}
    if set(names).isdisjoint(name for folder in folders for name in os.listdir(folder)):
        return names
    found = locate(names, Images(search=list(search), missing="drop"), root=root, file=file)
    return found.where(found.ne(""), names)


def ends_early(path: Path) -> bool:
    """True for a file that is no PNG or JPEG, or whose end marker is not there: cut short or overwritten.

    Reads some bytes of the head and of the tail, no pixel.
    """
    with open(path, "rb") as file:
        head = file.read(len(_PNG))
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        tail = file.read()
    return not ((head == _PNG and _PNG_END in tail) or (head.startswith(_JPEG) and _JPEG_END in tail))


def multi_hot(named: pd.Series, findings: Mapping[str, Sequence[str]], *, given: pd.Series) -> pd.DataFrame:
    """One column a finding from names.

    Args:
        named: one source name an entry, several entries a row: the index repeats.
        findings: our finding -> the source names that mean it.
        given: bool [N]; False where the source says nothing: every finding is then empty (not mentioned).

    Returns:
        [N, F] of '1', '0' and ''.
    """
    rows = given.index.get_indexer(named.index)
    columns = {}
    for finding, names in findings.items():
        hot = np.zeros(len(given), dtype=bool)
        hot[rows[named.isin(list(names)).to_numpy()]] = True
        columns[finding] = np.where(given, np.where(hot, "1", "0"), "")
    return pd.DataFrame(columns, index=given.index)
