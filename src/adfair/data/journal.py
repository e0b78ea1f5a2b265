"""What a cache under construction has already got: a journal that survives a kill at any moment.

A line is written, and forced to the disk, only after the pixels that it speaks of are there. Each line carries a
checksum: a line that a kill cut short is dropped, and so is all that follows it.
"""

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from adfair.errors import DataError

JOURNAL_FILE = "journal.jsonl"


@dataclass(frozen=True)
class Chunk:
    """A run of rows that has been decoded and written.

    Attributes:
        start: the first row, from 0.
        sha256: a digest for each of its rows.
        refused: row -> why it has no image.
    """

    start: int
    sha256: list[str]
    refused: dict[int, str] = field(default_factory=dict)


class Journal:
    """The journal of one folder, held by one process at a time.

    Args:
        folder: exists.
        head: what is being made; a journal of anything else is started afresh.

    Raises:
        DataError: another process is preparing the same folder.
    """

    def __init__(self, folder: Path, head: Mapping[str, Any]) -> None:
        self.path = folder / JOURNAL_FILE
        self.file: IO[bytes] = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        _lock(self.file, folder)
        records, whole = _records(self.file.read())
        self.resumed = bool(records) and records[0] == dict(head)
        self.file.seek(whole if self.resumed else 0)
        self.file.truncate()
        if not self.resumed:
            self._write(dict(head))
        self.chunks = [_chunk(record) for record in records[1:]] if self.resumed else []

    def add(self, chunk: Chunk) -> None:
        """Note that a chunk is on the disk."""
        self._write(asdict(chunk))

    def close(self, *, remove: bool = False) -> None:
        """Let go of the folder; ``remove`` when the cache is finished."""
        if remove:
            self.path.unlink(missing_ok=True)
        self.file.close()

    def _write(self, record: dict[str, Any]) -> None:
        text = json.dumps(record, separators=(",", ":")).encode()
        self.file.write(b"%08x %s\n" % (zlib.crc32(text), text))
        self.file.flush()
        os.fsync(self.file.fileno())


def _lock(file: IO[bytes], folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks outside POSIX
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise DataError.at(
            "another 'adfair prepare' is at work here", file=folder, remedy="Wait for it."
        ) from None


def _records(data: bytes) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of a journal, and how many bytes they take."""
    records, at = [], 0
    while (end := data.find(b"\n", at)) >= 0:
        check, _, text = data[at:end].partition(b" ")
        if check != b"%08x" % zlib.crc32(text):
            break
        records.append(json.loads(text))
        at = end + 1
    return records, at


def _chunk(record: dict[str, Any]) -> Chunk:
    return Chunk(record["start"], record["sha256"], {int(row): why for row, why in record["refused"].items()})
