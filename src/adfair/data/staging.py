"""Write files and folders so that a reader sees the old one or the new one, never half of it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adfair.data.schema import COHORT_FILE, read_info
from adfair.errors import DataError


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut (a no-op where folders cannot be opened)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_files(folder: Path) -> None:
    """Force the files of a folder, and the folder, to the disk."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


def replace_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` through a temporary file beside it, fsync and ``os.replace``."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; a cohort is shared like any other file.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def require_free(
    out: Path, *, force: bool, what: str = "cohort", markers: Sequence[str] = (COHORT_FILE,)
) -> None:
    """Refuse an ``--out`` that holds something.

    Args:
        out: may be absent or an empty folder.
        force: allow one of our own to be replaced; anything else is never replaced.
        what: what is about to be written. markers: files of which one shows that ``out`` is such a thing.

    Raises:
        DataError: ``out`` is ours and ``force`` is not given, or holds anything else.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not any((out / marker).is_file() for marker in markers):
        raise DataError.at(f"exists and is not a {what}", file=out, remedy="Choose another --out.")
    if not force:
        raise DataError.at(f"a {what} is already there", file=out, remedy="Add --force to replace it.")


def keep_inputs(out: Path, inputs: Sequence[Path]) -> None:
    """Refuse an ``--out`` whose replacement would remove what is read. Raises DataError naming the input."""
    folder = out.resolve()
    for path in inputs:
        if folder in (path.resolve(), *path.resolve().parents):
            raise DataError.at(
                "holds what is read from, which --force would remove",
                file=out,
                remedy="Choose another --out.",
            )


def kept_lists(out: Path) -> list[str]:
    """``exclude_patients`` of the cohort that ``out`` holds, for the one that replaces it; else these would train.

    Raises:
        DataError: ``cohort.yaml`` is not valid, or a list that it names has gone or would go with the folder.
    """
    if not (out / COHORT_FILE).is_file():
        return []
    names = read_info(out).exclude_patients
    for name in names:
        inside = out.resolve() in (out / name).resolve().parents
        if inside or not (out / name).exists():
            what = "lies in the folder that is replaced" if inside else "is not there"
            raise DataError.at(
                f"'{name}' of exclude_patients {what}, and without it its patients would be trained on",
                file=out / COHORT_FILE,
                remedy="Correct the entry (a list may lie anywhere outside this folder), or take it out if they may train.",
            )
    return names


def kept_note(lists: Sequence[str]) -> list[str]:
    """The sentence that says so, where there are any."""
    if not lists:
        return []
    return [
        f"exclude_patients of the cohort that was replaced is kept ({', '.join(lists)}): training leaves these patients out."
    ]


def require_absent(file: Path, *, force: bool) -> None:
    """Refuse to write over a finished result. Raises DataError when ``file`` exists and ``force`` is not given."""
    if file.exists() and not force:
        raise DataError.at(
            "exists already", file=file, remedy="Choose another --out, or replace it with --force."
        )
    folder = file.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise DataError.at("no folder that can be written to", file=folder, remedy="Choose another --out.")


@contextmanager
def staged_folder(
    out: Path, *, force: bool = False, what: str = "cohort", markers: Sequence[str] = (COHORT_FILE,)
) -> Iterator[Path]:
    """A temporary folder beside ``out`` that takes its place when the block ends without an error.

    ``force``, ``what`` and ``markers`` are those of ``require_free``.

    Raises:
        DataError: see ``require_free``.
    """
    require_free(out, force=force, what=what, markers=markers)
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.partial-"))
    staging.chmod(0o777 & ~_umask())
    try:
        yield staging
        _swap(staging, out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    sync_folder(out.parent)


def _swap(staging: Path, out: Path) -> None:
    if not out.exists() or not any(out.iterdir()):
        os.replace(staging, out)
        return
    retired = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}.old-"))
    os.replace(out, retired)
    os.replace(staging, out)
    shutil.rmtree(retired)
