"""A folder or file appears whole or not at all."""

from pathlib import Path

import pytest

from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.data.staging import (
    keep_inputs,
    kept_lists,
    replace_file,
    require_absent,
    require_free,
    staged_folder,
)
from adfair.errors import DataError


def test_a_folder_appears_when_complete(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "deep/out") as staging:
        (staging / "a").write_text("x")
        assert not (tmp_path / "deep/out").exists()
    assert [p.name for p in (tmp_path / "deep/out").iterdir()] == ["a"]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["out"]


def _fail_inside(out: Path, *, force: bool) -> None:
    with staged_folder(out, force=force) as staging:
        (staging / "a").write_text("x")
        raise RuntimeError("the disk burns")


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="burns"):
        _fail_inside(tmp_path / "out", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_cohort_that_was_there(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="burns"):
        _fail_inside(cohort.root, force=True)
    assert len(load_cohort(cohort.root, check_images=True).table) == 12
    assert [p.name for p in tmp_path.iterdir()] == ["cohort"]


def test_force_replaces_the_whole_folder(cohort: Cohort, tmp_path: Path) -> None:
    with staged_folder(cohort.root, force=True) as staging:
        (staging / "a").write_text("x")
    assert [p.name for p in cohort.root.iterdir()] == ["a"]
    assert [p.name for p in tmp_path.iterdir()] == ["cohort"]


def test_a_finished_cohort_is_not_replaced_unasked(cohort: Cohort) -> None:
    with pytest.raises(DataError, match=r"a cohort is already there\. Add --force"):
        require_free(cohort.root, force=False)


@pytest.mark.parametrize("force", [True, False])
def test_what_is_no_cohort_is_never_replaced(tmp_path: Path, force: bool) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter").write_text("x")
    for out in (tmp_path / "thesis", tmp_path / "thesis/chapter"):
        with pytest.raises(DataError, match=r"is not a cohort\. Choose another --out"):
            require_free(out, force=force)


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    require_free(tmp_path, force=False)


def test_a_file_is_replaced_and_leaves_no_temporary(tmp_path: Path) -> None:
    replace_file(tmp_path / "f", b"old")
    replace_file(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").stat().st_mode & 0o400


def test_only_a_folder_of_ours_is_free_and_only_with_force(tmp_path: Path) -> None:
    out, ours = tmp_path / "run", {"what": "run", "markers": ["config.yaml"]}
    require_free(out, force=False, **ours)
    out.mkdir()
    require_free(out, force=False, **ours)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"is not a run\. Choose another --out"):
        require_free(out, force=True, **ours)
    (out / "config.yaml").write_text("seed: 0")
    with pytest.raises(DataError, match=r"a run is already there\. Add --force"):
        require_free(out, force=False, **ours)
    require_free(out, force=True, **ours)
    assert (out / "notes.txt").read_text() == "mine"


def test_a_finished_file_is_written_over_only_with_force(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    require_absent(file, force=False)
    file.touch()
    with pytest.raises(DataError, match=r"metrics\.csv: exists already\. .*--force"):
        require_absent(file, force=False)
    require_absent(file, force=True)


def test_an_out_below_a_file_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(DataError, match="no folder that can be written to"):
            require_absent(out / "metrics.csv", force=True)
    require_absent(tmp_path / "new" / "deeper" / "metrics.csv", force=False)


def test_what_is_read_from_is_not_inside_what_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a/images").mkdir(parents=True)
    keep_inputs(tmp_path / "a", [tmp_path, tmp_path / "ab", tmp_path / "b/a"])
    for inside in (tmp_path / "a", tmp_path / "a/images", tmp_path / "b/../a/t.csv"):
        with pytest.raises(DataError, match="holds what is read from"):
            keep_inputs(tmp_path / "a", [inside])


def test_lists_of_patients_outlive_the_folder_that_names_them_or_it_is_not_replaced(
    cohort: Cohort, tmp_path: Path
) -> None:
    def declare(name: str) -> None:
        write_cohort(cohort.root, cohort.info.model_copy(update={"exclude_patients": [name]}), cohort.table)

    assert kept_lists(tmp_path / "none") == kept_lists(cohort.root) == []
    (tmp_path / "list.csv").write_text("patient_id\np0\n")
    for name in ("../list.csv", str(tmp_path / "list.csv")):
        declare(name)
        assert kept_lists(cohort.root) == [name]
    declare("../gone.csv")
    with pytest.raises(
        DataError, match=r"'\.\./gone\.csv' of exclude_patients is not there.* Correct the entry"
    ):
        kept_lists(cohort.root)
    (cohort.root / "list.csv").touch()
    declare("list.csv")
    with pytest.raises(
        DataError, match=r"'list\.csv' of exclude_patients lies in the folder that is replaced"
    ):
        kept_lists(cohort.root)
