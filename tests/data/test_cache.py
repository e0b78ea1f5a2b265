"""The cache as training and evaluation see it: the decoder's pixels, only while it is whole and fits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adfair.data.cache import (
    INDEX_FILE,
    PIXEL_FILE,
    ROW_FILE,
    CachedImages,
    cache_folder,
    leave_out_refused,
    open_images,
)
from adfair.data.images import load_images
from adfair.data.loader import as_images
from adfair.data.manifest import Cohort, accept_manifest, read_cohort, write_cohort
from adfair.errors import DataError
from adfair.workflows.prepare import prepare


def test_it_gives_what_the_decoder_gives_in_any_order(cohort: Cohort) -> None:
    prepare(cohort, size=16, workers=1)
    rows = cohort.table.iloc[[7, 2, 2, 11]].reset_index(drop=True)
    images = open_images(cohort, rows, size=16)
    assert isinstance(images, CachedImages)
    assert images.shape == (4, 16, 16)
    decoded = load_images(cohort, rows, size=16)
    np.testing.assert_array_equal(images[:4], decoded)
    np.testing.assert_array_equal(images[np.array([3, 0])], decoded[[3, 0]])


def test_a_part_of_the_table_under_other_numbers_finds_its_pixels(cohort: Cohort) -> None:
    prepare(cohort, size=16, workers=1)
    part = replace(cohort, table=cohort.table.iloc[4:].reset_index(drop=True))
    assert open_images(part, part.split("test"), size=16)[:][:, 0, 0].tolist() == [8, 9, 10, 11]


def test_training_gathers_by_a_tensor_of_rows(cohort: Cohort) -> None:
    torch = pytest.importorskip("torch")
    prepare(cohort, size=16, workers=1)
    rows = torch.tensor([5, 5, 0])
    for images in (open_images(cohort, cohort.table, size=16), load_images(cohort, cohort.table, size=16)):
        batch = as_images(images)[rows]
        assert batch.dtype == torch.uint8
        assert batch[:, 0, 0].tolist() == [5, 5, 0]
        assert len(as_images(images)) == 12


@pytest.mark.parametrize(("size", "fit"), [(24, "crop"), (16, "pad")])
def test_another_size_or_fit_is_decoded(cohort: Cohort, size: int, fit: str) -> None:
    prepare(cohort, size=16, workers=1)
    assert isinstance(open_images(cohort, cohort.table, size=size, fit=fit), np.ndarray)


def test_a_cache_of_another_manifest_is_refused_with_the_remedy(cohort: Cohort) -> None:
    prepare(cohort, size=16, workers=1)
    changed = write_cohort(cohort.root, cohort.info, cohort.table.iloc[:10])
    for look in (
        open_images,
        lambda c, _, size: leave_out_refused(c, size=size),
        lambda c, _, size: prepare(c, size=size),
    ):
        with pytest.raises(
            DataError, match=r"another manifest.*adfair prepare .* --size 16 --fit crop --force"
        ):
            look(changed, changed.table, size=16)
    prepare(changed, size=16, workers=1, force=True)
    assert len(open_images(changed, changed.table, size=16)) == 10
    (cohort.root / "manifest.csv").write_text(
        (cohort.root / "manifest.csv").read_text().replace("Text 3", "Text")
    )
    with pytest.raises(DataError, match="another manifest"):
        open_images(accept_manifest(read_cohort(cohort.root)), changed.table, size=16)


@pytest.mark.parametrize(
    ("file", "damage", "what"),
    [
        (INDEX_FILE, lambda data: data[:-20], "the image cache is damaged"),
        (INDEX_FILE, lambda data: data.replace(b'"version": 1', b'"version": 0'), "another version"),
        (PIXEL_FILE, lambda data: data[:-1], "have not the length"),
    ],
)
def test_a_damaged_cache_is_refused(cohort: Cohort, file: str, damage: object, what: str) -> None:
    folder = prepare(cohort, size=16, workers=1).folder
    (folder / file).write_bytes(damage((folder / file).read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=what):
        open_images(cohort, cohort.table, size=16)


def test_a_folder_without_an_index_is_no_cache(cohort: Cohort) -> None:
    folder = prepare(cohort, size=16, workers=1).folder
    (folder / INDEX_FILE).unlink()
    assert isinstance(open_images(cohort, cohort.table, size=16), np.ndarray)


def test_refused_images_are_left_out_and_rows_keep_their_numbers(cohort: Cohort) -> None:
    (cohort.root / "images/3.png").write_bytes(b"no image")
    prepare(cohort, size=16, workers=1, max_bad=0.1)
    rest = leave_out_refused(cohort, size=16)
    assert rest.left_out == 1
    assert "i3" not in set(rest.table["image_id"])
    assert leave_out_refused(rest, size=16).left_out == 1
    train = rest.split("train")
    assert open_images(rest, train, size=16)[:][:, 0, 0].tolist() == [0, 1, 2, 4, 5]
    # Row 12 of the manifest is still row 12.
    (cohort.root / "images/11.png").unlink()
    with pytest.raises(DataError, match="row 12,"):
        load_images(rest, rest.table, size=8)
    assert leave_out_refused(cohort, size=32) is cohort
    rows = cache_folder(cohort.root, size=16, fit="crop") / ROW_FILE
    rows.write_text(rows.read_text().replace("i4", "i5"))
    with pytest.raises(DataError, match=r"images\.csv is not the one"):
        leave_out_refused(replace(cohort), size=16)


def test_the_pixels_are_mapped_not_read(cohort: Cohort, tmp_path: Path) -> None:
    prepare(cohort, size=16, workers=1)
    images = open_images(cohort, cohort.table, size=16)
    assert isinstance(images, CachedImages)
    assert isinstance(images.pixels, np.memmap)
    assert not images.pixels.flags.writeable
    assert images[:2].flags.writeable
