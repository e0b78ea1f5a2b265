"""The journal: what a kill cut short is dropped, another job's is not continued, two do not write at once."""

from pathlib import Path

import pytest

from adfair.data.journal import JOURNAL_FILE, Chunk, Journal
from adfair.errors import DataError

HEAD = {"manifest_sha256": "a", "size": 8}
CHUNKS = [Chunk(0, ["00", "11"]), Chunk(2, ["22", "33"], {3: "no such image file"})]


@pytest.fixture
def written(tmp_path: Path) -> bytes:
    journal = Journal(tmp_path, HEAD)
    assert not journal.resumed
    for chunk in CHUNKS:
        journal.add(chunk)
    journal.close()
    return (tmp_path / JOURNAL_FILE).read_bytes()


def test_it_is_read_back(tmp_path: Path, written: bytes) -> None:
    journal = Journal(tmp_path, HEAD)
    assert journal.resumed
    assert journal.chunks == CHUNKS
    journal.close(remove=True)
    assert not (tmp_path / JOURNAL_FILE).exists()


def test_cut_anywhere_it_holds_the_whole_lines_and_can_be_continued(tmp_path: Path, written: bytes) -> None:
    ends = [i + 1 for i, byte in enumerate(written) if byte == ord("\n")]
    for cut in [*range(0, len(written), 9), *ends, *(end - 1 for end in ends)]:
        (tmp_path / JOURNAL_FILE).write_bytes(written[:cut])
        journal = Journal(tmp_path, HEAD)
        whole = sum(end <= cut for end in ends)
        assert journal.chunks == CHUNKS[: max(0, whole - 1)]
        for chunk in CHUNKS[len(journal.chunks) :]:
            journal.add(chunk)
        journal.close()
        assert (tmp_path / JOURNAL_FILE).read_bytes() == written


def test_a_damaged_line_ends_it(tmp_path: Path, written: bytes) -> None:
    spoilt = bytearray(written)
    spoilt[written.index(b"11")] ^= 1
    (tmp_path / JOURNAL_FILE).write_bytes(spoilt)
    journal = Journal(tmp_path, HEAD)
    assert journal.resumed
    assert journal.chunks == []
    journal.close()


def test_another_job_begins_anew(tmp_path: Path, written: bytes) -> None:
    journal = Journal(tmp_path, {**HEAD, "size": 9})
    assert not journal.resumed
    assert journal.chunks == []
    journal.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    journal = Journal(tmp_path, HEAD)
    with pytest.raises(DataError, match="another 'adfair prepare' is at work here"):
        Journal(tmp_path, HEAD)
    journal.close()
