"""A cohort survives the disk, is refused when it was changed, and is written whole or not at all."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.data import manifest
from adfair.data.manifest import Cohort, group_codes, labels, load_cohort, write_cohort
from adfair.data.schema import CohortInfo
from adfair.errors import DataError


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_what_is_written_is_loaded(
    cohort: Cohort, info: CohortInfo, table: pd.DataFrame, format: str
) -> None:
    written = write_cohort(cohort.root, info, table, format=format)
    loaded = load_cohort(cohort.root, check_images=True)
    pd.testing.assert_frame_equal(loaded.table, written.table)
    pd.testing.assert_frame_equal(loaded.table[["Edema", "age"]], table[["Edema", "age"]].astype(float))
    assert loaded.table["report"].tolist() == table["report"].tolist()
    assert loaded.table["sex"].tolist() == ["F", "M", "Unknown", "Unknown"] * 3
    assert loaded.info == written.info


def test_same_table_same_bytes(tmp_path: Path, info: CohortInfo, table: pd.DataFrame) -> None:
    for name in "ab":
        write_cohort(tmp_path / name, info, table)
    assert (tmp_path / "a/manifest.csv").read_bytes() == (tmp_path / "b/manifest.csv").read_bytes()


def test_a_loaded_cohort_writes_the_same_bytes(tmp_path: Path, cohort: Cohort) -> None:
    # Only empty groups differ: they are loaded as Unknown, which means the same.
    again = write_cohort(tmp_path / "again", cohort.info, cohort.table)
    third = write_cohort(tmp_path / "third", again.info, load_cohort(tmp_path / "again").table)
    assert again.info.manifest_sha256 == third.info.manifest_sha256
    pd.testing.assert_frame_equal(again.table, cohort.table)


def test_split_keeps_the_order_and_resets_the_index(cohort: Cohort) -> None:
    rows = cohort.split("test")
    assert rows["image_id"].tolist() == ["i8", "i9", "i10", "i11"]
    assert rows.index.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["test_b", "nowhere"])
def test_a_split_without_images_is_refused(cohort: Cohort, name: str) -> None:
    with pytest.raises(DataError, match=f"no images in split '{name}'. Splits there: train, val, test"):
        cohort.split(name)


def test_a_changed_manifest_is_refused_until_it_is_accepted(cohort: Cohort) -> None:
    file = cohort.root / "manifest.csv"
    file.write_bytes(file.read_bytes().replace(b"i3,", b"i33,"))
    with pytest.raises(DataError, match=r"manifest_sha256 differs.*adfair check .* --accept"):
        load_cohort(cohort.root)
    manifest.accept_manifest(manifest.read_cohort(cohort.root))
    assert "i33" in load_cohort(cohort.root).table["image_id"].tolist()


def test_a_cohort_without_hash_is_refused(cohort: Cohort) -> None:
    text = (cohort.root / "cohort.yaml").read_text()
    kept = [line for line in text.splitlines() if not line.startswith("manifest_sha256")]
    (cohort.root / "cohort.yaml").write_text("\n".join(kept))
    with pytest.raises(DataError, match=r"differs or is absent.*--accept"):
        load_cohort(cohort.root)


def test_two_manifests_or_none_are_refused(cohort: Cohort) -> None:
    (cohort.root / "manifest.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"two manifests\. Keep one"):
        load_cohort(cohort.root)
    (cohort.root / "manifest.parquet").unlink()
    (cohort.root / "manifest.csv").unlink()
    with pytest.raises(DataError, match=r"no manifest\. A cohort needs manifest\.csv"):
        load_cohort(cohort.root)


def test_missing_images_are_found_before_training(cohort: Cohort) -> None:
    (cohort.root / "images/4.png").unlink()
    load_cohort(cohort.root)
    with pytest.raises(DataError, match=r"row 5, column 'image_path': no such image file\. Put"):
        load_cohort(cohort.root, check_images=True)


def test_truncated_images_are_found_before_training(cohort: Cohort) -> None:
    file = cohort.root / "images/6.png"
    file.write_bytes(file.read_bytes()[:-30])
    load_cohort(cohort.root)
    with pytest.raises(DataError, match=r"row 7, column 'image_path': the image is damaged.*Replace"):
        load_cohort(cohort.root, check_images=True)


def test_image_root_may_lie_elsewhere(cohort: Cohort, tmp_path: Path, table: pd.DataFrame) -> None:
    info = cohort.info.model_copy(update={"image_root": str(cohort.root)})
    write_cohort(tmp_path / "pointer", info, table)
    assert len(load_cohort(tmp_path / "pointer", check_images=True).table) == 12


@pytest.mark.parametrize("fault", ["manifest", "cohort.yaml"])
def test_a_failed_write_leaves_the_old_cohort_or_one_that_is_refused(
    cohort: Cohort, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    replace = os.replace

    def fail(source: str, target: Path) -> None:
        if fault in str(target):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=r"No space"):
        write_cohort(cohort.root, cohort.info, table.assign(view="LL"))
    monkeypatch.undo()
    assert not [p for p in cohort.root.iterdir() if p.name.startswith(".")]
    if fault == "manifest":
        pd.testing.assert_frame_equal(load_cohort(cohort.root).table, cohort.table)
    else:
        with pytest.raises(DataError, match=r"manifest_sha256 differs"):
            load_cohort(cohort.root)


def test_labels_keep_all_four_cells(cohort: Cohort) -> None:
    got = labels(cohort.table, ["No Finding", "Edema"])
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got[:4], [[0, 1], [1, 0], [0, -1], [1, np.nan]])


def test_group_codes_follow_the_declared_order() -> None:
    codes = group_codes(["White", "Asian", "", "Unknown", None, np.nan, "Black"], ["Asian", "Black", "White"])
    assert codes.dtype == np.int64
    assert codes.tolist() == [2, 0, -1, -1, -1, -1, 1]


def test_a_stray_group_is_not_taken_for_unknown() -> None:
    with pytest.raises(DataError, match=r"row 2: a group that is not declared\. Declared: F, M"):
        group_codes(["F", "X"], ["F", "M"])


def test_rows_are_few_enough_seconds_at_a_hundred_thousand(
    tmp_path: Path, info: CohortInfo, table: pd.DataFrame
) -> None:
    """Row checks are vectorised: a loop over rows would take minutes at this size (timeout of the suite)."""
    n = 100_000
    big = table.iloc[np.zeros(n, dtype=int)].reset_index(drop=True)
    rows = pd.Series(range(n)).astype(str)
    big = big.assign(image_id="i" + rows, patient_id="p" + rows, image_path="images/" + rows + ".png")
    write_cohort(tmp_path / "big", info, big)
    assert len(load_cohort(tmp_path / "big").table) == n
