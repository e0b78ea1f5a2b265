import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from adfair.data.manifest import load_cohort
from adfair.errors import DataError
from adfair.evaluation.embedding_cache import (
    EmbeddingCache,
    default_folder,
    images_fingerprint,
    open_cache,
)

EMB = np.arange(12, dtype=np.float32).reshape(4, 3)
FACTS: dict[str, object] = {"model": "a", "split": "test"}


def test_what_was_kept_comes_back_for_the_same_facts_only(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "c")
    assert cache.get(FACTS, rows=4) is None
    cache.put(FACTS, EMB)
    assert np.array_equal(cache.get(FACTS, rows=4), EMB)
    assert cache.get({**FACTS, "model": "b"}, rows=4) is None
    assert (cache.read, cache.written, cache.notes) == (1, 1, [])
    (file,) = (tmp_path / "c").iterdir()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("fault", ["flipped", "truncated", "empty", "rows"])
def test_a_damaged_entry_is_refused_and_said(fault: str, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache.put(FACTS, EMB)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    changed = {"flipped": bytes(data), "truncated": file.read_bytes()[:-5], "empty": b""}
    file.write_bytes(changed.get(fault, file.read_bytes()))
    assert cache.get(FACTS, rows=5 if fault == "rows" else 4) is None
    assert "damaged" in cache.notes[0]
    cache.put(FACTS, EMB)
    assert np.array_equal(cache.get(FACTS, rows=4), EMB)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = EmbeddingCache(tmp_path / "file" / "c")
    cache.put(FACTS, EMB)
    assert "not kept" in cache.notes[0]
    with pytest.raises(DataError, match="file, not a folder"):
        open_cache(tmp_path / "file")
    assert open_cache(None) is None


def test_a_changed_image_changes_the_fingerprint(small_cohort: Path, tmp_path: Path) -> None:
    shutil.copytree(small_cohort, tmp_path / "c")
    cohort = load_cohort(tmp_path / "c")
    before = images_fingerprint(cohort, "test")
    assert images_fingerprint(cohort, "test") == before != images_fingerprint(cohort, "val")
    image = cohort.image_root / cohort.split("test")["image_path"].iloc[3]
    os.utime(image, ns=(0, 0))
    changed = images_fingerprint(cohort, "test")
    image.unlink()
    assert len({before, changed, images_fingerprint(cohort, "test")}) == 3


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADFAIR_CACHE", str(tmp_path))
    assert default_folder() == tmp_path / "embeddings"
    monkeypatch.delenv("ADFAIR_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert default_folder() == tmp_path / "x" / "adfair" / "embeddings"
