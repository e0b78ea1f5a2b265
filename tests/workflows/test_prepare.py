"""``prepare``: one pass, the same bytes whatever happened on the way, and nothing bad taken for good."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.data.cache import INDEX_FILE, PIXEL_FILE
from adfair.data.images import load_images
from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.data.schema import CohortInfo
from adfair.errors import ConfigError, DataError
from adfair.workflows import prepare as module
from adfair.workflows.prepare import prepare

# Kills itself when it has written so many images.
SCRIPT = """
import os, signal, sys
from adfair.workflows import prepare
prepare.CHUNK = 8
done = 0
def progress(n):
    global done
    done += n
    if done >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
prepare.prepare(sys.argv[1], size=16, workers=1, progress=progress)
"""


@pytest.fixture
def many(tmp_path: Path) -> Cohort:
    """40 images of noise, not square."""
    root, rng = tmp_path / "cohort", np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    for i in range(40):
        Image.fromarray(rng.integers(0, 256, (20, 30), dtype=np.uint8)).save(root / f"images/{i}.png")
    table = pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(40)],
            "patient_id": [f"p{i}" for i in range(40)],
            "image_path": [f"images/{i}.png" for i in range(40)],
            "report": "",
            "split": "train",
            "sex": "F",
            "Edema": 0,
        }
    )
    return write_cohort(
        root, CohortInfo(name="many", findings=["Edema"], attributes={"sex": ["F", "M"]}), table
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 8)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_the_file_holds_what_the_decoder_gives(many: Cohort, fit: str) -> None:
    done: list[int] = []
    made = prepare(many.root, size=16, fit=fit, workers=1, progress=done.append)  # type: ignore[arg-type]
    assert sum(done) == 40
    assert sorted(_files(made.folder)) == ["images.csv", "images.u8", "index.json"]
    pixels = np.fromfile(made.folder / PIXEL_FILE, dtype=np.uint8).reshape(40, 16, 16)
    np.testing.assert_array_equal(pixels, load_images(many, many.table, size=16, fit=fit))  # type: ignore[arg-type]
    assert (made.index.images, made.index.refused, made.unlisted, made.found) == (40, 0, 0, False)
    assert (made.dark, made.looked_at) == (0, 40)
    assert prepare(many.root, size=16, fit=fit).found  # type: ignore[arg-type]


@pytest.mark.slow
def test_processes_give_the_same_bytes(many: Cohort) -> None:
    module_chunk = module.CHUNK
    try:
        module.CHUNK = 8
        one = _files(prepare(many, size=16, workers=1).folder)
        assert _files(prepare(many, size=16, workers=2, force=True).folder) == one
    finally:
        module.CHUNK = module_chunk


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.usefixtures("small_chunks")
def test_killed_twice_it_ends_with_the_same_bytes(many: Cohort, tmp_path: Path) -> None:
    folder = prepare(many, size=16, workers=1).folder
    expected = _files(folder)
    for path in folder.iterdir():
        path.unlink()
    for images in (8, 24):
        found = subprocess.run([sys.executable, "-c", SCRIPT, str(many.root), str(images)], check=False)
        assert found.returncode == -signal.SIGKILL
        assert not (folder / INDEX_FILE).exists()
    # The second run went on where the first stopped: a header and a line for each chunk.
    assert (folder / "journal.jsonl").read_bytes().count(b"\n") == 1 + 3
    assert _files(prepare(many, size=16, workers=1).folder) == expected


@pytest.mark.usefixtures("small_chunks")
def test_pixels_that_are_not_those_of_the_journal_are_made_again(
    many: Cohort, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = _files(prepare(many, size=16, workers=1).folder)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_finish", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare(many, size=16, workers=1, force=True)
    monkeypatch.undo()
    monkeypatch.setattr(module, "CHUNK", 8)
    pixels = many.root / "cache/16-crop" / PIXEL_FILE
    spoilt = bytearray(pixels.read_bytes())
    spoilt[10 * 256] ^= 1
    pixels.write_bytes(spoilt)
    seen: list[int] = []
    folder = prepare(many, size=16, workers=1, progress=seen.append).folder
    assert seen == [32, 8]
    assert _files(folder) == expected


@pytest.mark.usefixtures("small_chunks")
def test_a_bad_image_is_an_error_with_its_row_until_it_is_allowed_for(many: Cohort) -> None:
    data = (many.root / "images/9.png").read_bytes()
    (many.root / "images/9.png").write_bytes(data[:100])
    (many.root / "images/30.png").unlink()
    with pytest.raises(
        DataError, match=r"row 10, column 'image_path': 2 of 40 images .* allows 1; .*damaged.*--max-bad"
    ):
        prepare(many, size=16, workers=1, max_bad=0.04)
    listed = pd.read_csv(many.root / "cache/16-crop/refused.csv")
    assert listed["row"].tolist() == [10, 31]
    assert listed["image_id"].tolist() == ["i9", "i30"]
    made = prepare(many, size=16, workers=1, max_bad=0.05)
    assert made.refused["image_id"].tolist() == ["i9", "i30"]
    assert made.index.refused == 2
    assert (made.dark, made.looked_at) == (0, 38)  # an image that has no pixels is not a dark one
    assert not (made.folder / "refused.csv").exists()


@pytest.mark.usefixtures("small_chunks")
def test_a_mended_image_is_tried_again(many: Cohort) -> None:
    expected = _files(prepare(many, size=16, workers=1).folder)
    data = (many.root / "images/9.png").read_bytes()
    (many.root / "images/9.png").write_bytes(data[:100])
    with pytest.raises(DataError, match="row 10"):
        prepare(many, size=16, workers=1, force=True)
    (many.root / "images/9.png").write_bytes(data)
    assert _files(prepare(many, size=16, workers=1).folder) == expected


def test_many_bad_images_stop_it_early(many: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    monkeypatch.setattr(module, "_BEYOND_BUDGET", 4)
    for path in (many.root / "images").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"row 1, .*: 5 of 5 images cannot be decoded"):
        prepare(many, size=16, workers=1)


def test_a_link_out_of_the_cohort_is_refused_whatever_the_budget(many: Cohort, tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    os.rename(many.root / "images/5.png", outside)
    (many.root / "images/5.png").symlink_to(outside)
    with pytest.raises(DataError, match=r"row 6, column 'image_path': a symbolic link leads out"):
        prepare(many, size=16, workers=1, max_bad=1.0)


def test_files_without_a_row_are_counted(many: Cohort) -> None:
    for name in ("x.png", "y.DCM", "notes.txt"):
        (many.root / "images" / name).touch()
    assert prepare(many, size=16, workers=1).unlisted == 2


def test_a_changed_cache_fails_its_verification(many: Cohort) -> None:
    folder = prepare(many, size=16, workers=1).folder
    pixels = bytearray((folder / PIXEL_FILE).read_bytes())
    pixels[3 * 256] ^= 1
    (folder / PIXEL_FILE).write_bytes(pixels)
    with pytest.raises(DataError, match=r"row 4: the pixels in the cache are not those.*--force"):
        prepare(many, size=16)


@pytest.mark.parametrize("wrong", [{"size": 4}, {"fit": "squash"}, {"max_bad": 2.0}])
def test_values_out_of_range(many: Cohort, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="--max-bad from 0% to 100%"):
        prepare(many, **wrong)  # type: ignore[arg-type]


def test_no_room_is_said_before_anything_is_decoded(many: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_make_room", _no_room(module._make_room, monkeypatch))
    with pytest.raises(DataError, match=r"the cache needs 0\.0 GB, and 0\.0 GB are free.*smaller --size"):
        prepare(many, size=16, workers=1)


def _no_room(real: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def make(*args: object, **kwargs: object) -> None:
        usage = type("Usage", (), {"free": 10})()
        monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
        real(*args, **kwargs)

    return make


def test_the_cohort_is_still_valid(many: Cohort) -> None:
    prepare(many, size=16, workers=1)
    assert len(load_cohort(many.root, check_images=True).table) == 40
