"""The pool that decodes: a lost process is said, and nothing is handed out ahead of need."""

import os
import threading
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from adfair.data.chunks import Target
from adfair.data.journal import Chunk
from adfair.errors import DataError
from adfair.workflows import decode_pool


class _Late(Executor):
    """Ends the oldest call each time that another is handed in."""

    def __init__(self) -> None:
        self.open: list[Future[Chunk]] = []
        self.most = 0

    def submit(self, call: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.open.append(future := Future())
        future.start = args[1]  # type: ignore[attr-defined]
        self.most = max(self.most, sum(not each.done() for each in self.open))
        threading.Timer(0.01, lambda: future.set_result(Chunk(args[1], []))).start()
        return future


def test_only_a_few_chunks_are_handed_out_at_a_time() -> None:
    pool, target = _Late(), Target(Path(), Path(), 8, "crop")
    found = list(decode_pool._in_pool(pool, target, ["a"] * 100, range(0, 100, 5), chunk=5, ahead=3))
    assert sorted(chunk.start for chunk in found) == list(range(0, 100, 5))
    assert pool.most <= 3


@pytest.mark.slow
def test_a_lost_process_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode_pool, "_start_worker", os.abort)
    target = Target(tmp_path, tmp_path / "pixels", 8, "crop")
    with pytest.raises(DataError, match=r"a decoding process was killed.*goes on where it stopped"):
        list(decode_pool.decoded_chunks(target, ["a", "b"], [0, 1], chunk=1, workers=2))
