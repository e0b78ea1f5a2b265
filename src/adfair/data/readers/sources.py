"""Find and open the files of a named data set; what is not as expected says what was expected and what is there."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from adfair.data.readers.lookup import listed_columns, listed_files
from adfair.data.tables import read_text_table
from adfair.data.validate import refuse, shown, shown_name
from adfair.errors import DataError

_SHOWN = 12
_PROBED = 400


def find_file(
    sources: Sequence[Path], names: Sequence[str], *, inside: Sequence[str] = (".",)
) -> Path | None:
    """The first file of one of these names among the sources, or in one of their folders ``inside``.

    A name without ``.gz`` stands for both. None where there is no such file.
    """
    wanted = [name + end for name in names for end in ("", ".gz")]
    for source in sources:
        # os.path throughout: pathlib raises where a name is too long to be a file's.
        if source.name in wanted and os.path.isfile(source):
            return source
        for folder in inside:
            for name in wanted:
                if os.path.isfile(source / folder / name):
                    return source / folder / name
    return None


def need_file(
    sources: Sequence[Path], names: Sequence[str], *, inside: Sequence[str] = (".",), what: str
) -> Path:
    """``find_file``, or a DataError that lists the names expected and what the sources hold."""
    file = find_file(sources, names, inside=inside)
    if file is None:
        raise DataError.at(
            f"no {what}: expected {' or '.join(names)}, found {_listing(sources)}",
            file=", ".join(map(str, sources)),
            remedy="Give the file, or the folder it is in, as a SOURCE.",
        )
    return file


def _listing(sources: Sequence[Path]) -> str:
    names: list[str] = []
    for source in sources:
        if not os.path.exists(source):
            names.append(f"{shown_name(source.name)} (is not there)")
        else:
            names.append(
                listed_files(sorted(source.iterdir())) if os.path.isdir(source) else shown_name(source.name)
            )
    return ", ".join(names)


def _listed(names: Iterable[str]) -> str:
    listed = [shown_name(name) for name in names]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return (", ".join(listed[:_SHOWN]) or "nothing") + more


def read_columns(file: Path, columns: Sequence[str], *, optional: Sequence[str] = ()) -> pd.DataFrame:
    """Columns of a CSV, TSV or parquet table as text without blanks around it, index = row from 0.

    Args:
        file: the table.
        columns: must be there. optional: are taken where they are there.

    Raises:
        DataError: the table is damaged, has no rows, or lacks a column: lists those expected and those found.
    """
    table = read_text_table(file, encoding="utf-8-sig")
    absent = [name for name in columns if name not in table]
    if absent:
        raise DataError.at(
            f"lacks the columns {_listed(absent)}; expected {_listed(columns)}; "
            f"found {listed_columns(table, [*columns, *optional])}",
            file=file,
            remedy="Is it this file of this version of the data set? Any other table goes through 'import table'.",
        )
    if table.empty:
        raise DataError.at("the table has no rows", file=file, remedy="Download it again.")
    kept = [*columns, *(name for name in optional if name in table)]
    return table[kept].apply(lambda cells: cells.str.strip())


def join(
    left: pd.DataFrame, right: pd.DataFrame, *, on: Sequence[str], file: Path, whole: bool = False
) -> pd.DataFrame:
    """Add the columns of ``right`` to the rows of ``left``; '' where it has no row.

    Args:
        left: [N] rows; order and index stay.
        right: at most one row a key. on: the key columns, in both.
        file: of ``right``, named in messages.
        whole: every row of ``right`` must name one of ``left``.

    Raises:
        DataError: a key is listed twice in ``right``, or no row of ``left`` has one.
    """
    keys = list(on)
    refuse(
        right.duplicated(keys),
        f"this {' and '.join(keys)} is listed in an earlier row",
        file=file,
        column=keys[-1],
        remedy="Remove one of the rows.",
    )
    joined = left.merge(right, on=keys, how="left", validate="m:1", indicator="_there")
    joined.index = left.index
    if not joined["_there"].eq("both").any():
        raise DataError.at(
            f"none of its {' and '.join(keys)} is in the main table",
            file=file,
            remedy="Is it of the same data set?",
        )
    return joined.drop(columns="_there").fillna("")


def own_splits(cells: pd.Series, names: dict[str, str], *, file: Path) -> pd.Series:
    """The source's split names as ours, '' where it says nothing. Raises DataError at any other name."""
    refuse(
        ~cells.isin([*names, ""]),
        lambda row: f"unknown split '{shown(cells.iloc[row])}'; expected {', '.join(names)}",
        file=file,
        column=str(cells.name),
        remedy="Correct the cell, or take another version of the file.",
    )
    return cells.replace(names)


def best_root(paths: Sequence[pd.Series], *, roots: Sequence[Path], table: Path) -> tuple[Path, pd.Series]:
    """The image folder and the way of writing paths under which files are found.

    Args:
        paths: several ways of writing the same [N] paths (other suffixes, other prefixes).
        roots: folders that may be the image folder.
        table: named in the message.

    Returns:
        The root and the paths with the most files among the first rows and some spread over the table.

    Raises:
        DataError: no file is found under any; lists the folders and the first path.
    """
    step = max(1, len(paths[0]) // _PROBED)
    tried = [
        (sum(os.path.isfile(root / path) for path in way.iloc[::step] if path), -number, root, way)
        for number, (root, way) in enumerate((root, way) for root in roots for way in paths)
    ]
    count, _, root, way = max(tried, key=lambda each: each[:2])
    if not count:
        ends = sorted({way.iloc[0].rpartition(".")[2] for way in paths})
        raise DataError.at(
            f"no image file: expected that of the first row and the like ({', '.join(ends)}) below one of "
            + ", ".join(str(root) for root in roots),
            file=table,
            row=int(way.index[0]) + 1,
            column="image_path",
            remedy="Give the folder of the images as a SOURCE.",
        )
    return root, way


def folders_of(sources: Sequence[Path], inside: Sequence[str]) -> list[Path]:
    """The sources that are folders, the folders of those that are files, and those ``inside``, if they exist."""
    bases = list(dict.fromkeys(source if os.path.isdir(source) else source.parent for source in sources))
    return [base / folder for base in bases for folder in (".", *inside) if os.path.isdir(base / folder)]
