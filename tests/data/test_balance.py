"""A balanced set from end to end: cells, certificate, list, and its patients out of training."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from adfair.data.balance import balance
from adfair.data.balance_design import make_design
from adfair.data.exclusion import without_excluded
from adfair.data.manifest import Cohort, accept_manifest, load_cohort, read_cohort, write_cohort
from adfair.errors import DataError


@pytest.fixture
def source(small_cohort: Path, tmp_path: Path) -> Path:
    """A copy of the synthetic cohort's tables; its images stay where they are."""
    folder = tmp_path / "source"
    folder.mkdir()
    shutil.copyfile(small_cohort / "manifest.csv", folder / "manifest.csv")
    text = (small_cohort / "cohort.yaml").read_text()
    (folder / "cohort.yaml").write_text(text + f"image_root: {small_cohort.resolve()}\n")
    return folder


def test_every_cell_is_full_and_its_patients_leave_training(source: Path, tmp_path: Path) -> None:
    before = load_cohort(source)
    design = make_design(before, per_cell=2, seed=4)
    made = balance(source, out=tmp_path / "b", design=design)
    table = made.cohort.table
    assert len(table) == 5 * 3 * 2 * 2
    assert table["patient_id"].is_unique
    assert (table[before.info.findings] == 1).sum(axis=1).eq(1).all()
    assert [cell["images"] for cell in made.certificate["cells"]] == [2] * 30
    assert made.short.empty
    kept, record = without_excluded(load_cohort(source))
    assert not set(kept.split("train")["patient_id"]) & set(table["patient_id"])
    assert record["exclude_patients"]["patients"] == 60
    assert made.flow["images"].tolist()[-1] == 60
    for name in ("certificate.md", "ids.csv", "exclude_patients.csv", "flow.csv", "flow.svg"):
        assert (tmp_path / "b" / name).is_file()


def test_the_list_alone_makes_it_again(source: Path, tmp_path: Path) -> None:
    design = make_design(load_cohort(source), attributes=["sex"], per_cell=3)
    first = balance(source, out=tmp_path / "a", design=design)
    again = balance(source, out=tmp_path / "b", design=design, from_list=tmp_path / "a/ids.csv")
    assert (tmp_path / "a/manifest.csv").read_bytes() == (tmp_path / "b/manifest.csv").read_bytes()
    assert first.certificate["list_sha256"] == again.certificate["list_sha256"]
    assert again.certificate["cells"] == first.certificate["cells"]
    ids = (tmp_path / "a/ids.csv").read_text().splitlines()
    other = next(i for i in load_cohort(source).table["image_id"] if i not in ids)
    (tmp_path / "a/ids.csv").write_text("\n".join([*ids[:-1], other]) + "\n")
    with pytest.raises(DataError, match="not those of the certificate"):
        balance(source, out=tmp_path / "c", design=design, from_list=tmp_path / "a/ids.csv")
    (tmp_path / "ids.csv").write_text("image_id\nnobody\n")
    with pytest.raises(DataError, match="1 of 1 listed images are not in the cohort"):
        balance(source, out=tmp_path / "c", design=design, from_list=tmp_path / "ids.csv")


def test_short_cells_are_all_listed_and_refused_or_taken(source: Path, tmp_path: Path) -> None:
    design = make_design(load_cohort(source), findings=["Edema"], per_cell=500)
    with pytest.raises(DataError, match=r"6 cells are short: Edema Asian\*F \d+ of 500; .*--allow-short"):
        balance(source, out=tmp_path / "b", design=design)
    assert not (tmp_path / "b").exists()
    made = balance(source, out=tmp_path / "b", design=design, allow_short=True, register=False)
    assert len(made.short) == 6
    assert made.short["found"].sum() == len(made.cohort.table) > 0
    assert load_cohort(source).info.exclude_patients == []


def test_groups_are_matched_by_age(source: Path, tmp_path: Path) -> None:
    design = make_design(load_cohort(source), attributes=["sex"], per_cell=8, match=("age", "view"))
    table = balance(source, out=tmp_path / "b", design=design).cohort.table
    band = table["age"] // 20
    finding = table[design.findings].idxmax(axis=1)
    counts = pd.crosstab([finding, band], table["sex"])
    assert (counts["F"] == counts["M"]).all()


def test_medclips_rule_fills_every_cell_of_groups(source: Path, tmp_path: Path) -> None:
    design = make_design(load_cohort(source), per_cell=2, rule="medclip")
    cells = balance(source, out=tmp_path / "b", design=design).certificate["cells"]
    assert {cell["images"] for cell in cells} == {2}


def test_medclips_rule_keeps_half_of_twice_as_many(source: Path, tmp_path: Path) -> None:
    design = make_design(load_cohort(source), attributes=[], per_cell=20, rule="medclip", one_a_patient=False)
    made = balance(source, out=tmp_path / "b", design=design)
    assert len(made.cohort.table) == 100
    assert len({cell["images"] for cell in made.certificate["cells"]}) > 1


def test_the_same_seed_is_the_same_set(source: Path, tmp_path: Path) -> None:
    design = make_design(load_cohort(source), per_cell=1)
    hashes = [
        balance(source, out=tmp_path / str(k), design=replace(design, seed=seed)).certificate["list_sha256"]
        for k, seed in enumerate((0, 0, 1))
    ]
    assert hashes[0] == hashes[1] != hashes[2]
    assert json.loads((tmp_path / "0/certificate.json").read_text())["list_sha256"] == hashes[0]


def test_without_frontal_views_the_remedy_is_named(spoil: Callable[..., Path], tmp_path: Path) -> None:
    root = spoil(row=1, column="view", cell="Lateral")
    manifest = root / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",AP,", ",LL,").replace(",PA,", ",LL,"))
    cohort = accept_manifest(read_cohort(root))
    with pytest.raises(DataError, match=r"no image has a frontal view.*--rule medclip"):
        balance(root, out=tmp_path / "b", design=make_design(cohort, findings=["Edema"]))


def test_where_nobody_qualifies_the_cohort_is_named_and_not_a_temporary_file(
    cohort: Cohort, tmp_path: Path
) -> None:
    uncertain = cohort.table.assign(Edema=-1)
    write_cohort(cohort.root, cohort.info, uncertain)
    design = make_design(load_cohort(cohort.root), findings=["Edema"])
    with pytest.raises(DataError, match=rf"{cohort.root.name}: no image qualifies for any cell"):
        balance(cohort.root, out=tmp_path / "b", design=design, allow_short=True)


def test_the_listed_images_of_no_cell_are_counted(source: Path, tmp_path: Path) -> None:
    table = load_cohort(source).table
    design = make_design(load_cohort(source), findings=["Edema"], attributes=[])
    alone = balance(source, out=tmp_path / "a", design=replace(design, per_cell=2), register=False)
    others = table["image_id"][table["Edema"].eq(0)].tolist()[:3]
    (tmp_path / "ids.csv").write_text("\n".join(["image_id", *alone.cohort.table["image_id"], *others]))
    made = balance(source, out=tmp_path / "b", design=design, from_list=tmp_path / "ids.csv", register=False)
    assert any(note.startswith("3 of the listed images belong to no cell") for note in made.notes)


def test_the_cohort_drawn_from_is_never_replaced(source: Path) -> None:
    with pytest.raises(DataError, match="holds what is read from, which --force would remove"):
        balance(source, out=source, design=make_design(load_cohort(source), per_cell=1), force=True)
    assert len(load_cohort(source, check_images=True).table)
