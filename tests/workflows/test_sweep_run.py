import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adfair.data.exclusion import without_excluded
from adfair.data.manifest import load_cohort
from adfair.workflows.sweep import plan_sweep
from adfair.workflows.sweep_run import fingerprint, folder_name

NAMES = [
    "a/b",
    "a%2Fb",
    "..",
    ".",
    ".hidden",
    "a b=1",
    "a\\b",
    "a:b",
    "é",
    "x" * 300,
    "x" * 299 + "y",
    "config=../c.json",
]


def test_names_become_one_folder_each_and_never_leave_it(tmp_path: Path) -> None:
    folders = [folder_name(name) for name in NAMES]
    assert len(set(folders)) == len(NAMES)
    for folder in folders:
        assert (tmp_path / folder).resolve().parent == tmp_path.resolve()
        assert not folder.startswith(".")
        (tmp_path / folder).mkdir()
    assert folder_name("adversary_weight=1.5 update=alternating") == "adversary_weight=1.5 update=alternating"


def test_a_fingerprint_is_of_the_content() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 6},
        {"replicates": 7},
        {"test_sets": {"test": ["zero_shot"], "test_reversed": ["zero_shot"]}},
        {"arms": {"clip": {"objective.target": "text"}}},
    ],
)
def test_what_figures_depend_on_is_in_the_identity(write: Callable[..., Path], change: dict) -> None:
    def identity(**section: object) -> str:
        return fingerprint(plan_sweep(write(**section), out="o").runs[0].identity)

    assert identity(**change) != identity()
    assert identity(figures=["test:auc"]) == identity()


def test_patients_that_are_kept_from_training_are_in_the_identity(
    write: Callable[..., Path], small_cohort: Path, tmp_path: Path
) -> None:
    cohort = Path(shutil.copytree(small_cohort, tmp_path / "c"))
    ids = list(dict.fromkeys(load_cohort(small_cohort).table["patient_id"]))

    def identity(**section: object) -> dict:
        return dict(plan_sweep(write(cohorts={"c": str(cohort)}, **section), out="o").runs[0].identity)

    def listed(name: str, patients: list[str]) -> Path:
        (tmp_path / name).write_text("\n".join(["patient_id", *patients]) + "\n")
        return tmp_path / name

    plain = identity()
    assert "exclude_patients_sha256" not in json.dumps(plain)
    info = (cohort / "cohort.yaml").read_text()
    listed("one.csv", ids[:2])
    (cohort / "cohort.yaml").write_text(f"{info}\nexclude_patients: [../one.csv]\n")
    one = identity()
    assert one != plain
    _, record = without_excluded(load_cohort(cohort))
    assert one["cohort"]["exclude_patients_sha256"] == record["exclude_patients"]["patients_sha256"]
    listed("one.csv", ids[1::-1])
    assert identity() == one, "the same patients in another order"
    listed("one.csv", ids[:3])
    assert identity() != one
    (cohort / "cohort.yaml").write_text(info)
    mine = listed("mine.csv", ids[:2])
    arms = {"clip": {"data.exclude_patients": [str(mine)]}}
    asked = identity(arms=arms)
    listed("mine.csv", ids[:3])
    assert identity(arms=arms) != asked


def test_where_a_sweep_lies_is_not_in_the_identity(write: Callable[..., Path]) -> None:
    drawn = {"d": {"n_train": 60, "n_test": 60}}
    one, two = (plan_sweep(write(cohorts=drawn), out=out).runs[0] for out in ("a", "b/c"))
    assert one.config != two.config
    assert one.identity == two.identity


def test_what_files_of_towers_hold_is_in_the_identity(write: Callable[..., Path], tmp_path: Path) -> None:
    def identity(**arm: object) -> dict:
        arms = {"clip": {f"model.{key}": str(value) for key, value in arm.items()}}
        return dict(plan_sweep(write(arms=arms), out="o").runs[0].identity)

    assert "sha256" not in json.dumps(identity()["model"])
    towers, weights = tmp_path / "t.json", tmp_path / "m" / "open_clip_model.safetensors"
    weights.parent.mkdir()
    for key, value, file in (("config", towers, towers), ("pretrained", weights.parent, weights)):
        file.write_text("{}")
        one = identity(**{key: value})
        assert identity(**{key: value}) == one
        file.write_text('{"a": 1}')
        assert identity(**{key: value}) != one


def test_where_a_list_of_patients_lies_is_not_in_the_identity(
    write: Callable[..., Path], small_cohort: Path, tmp_path: Path
) -> None:
    ids = list(load_cohort(small_cohort).table["patient_id"].unique()[:2])
    found = []
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("\n".join(["patient_id", *ids]) + "\n")
        arms = {"clip": {"data.exclude_patients": [str(tmp_path / name)]}}
        found.append(plan_sweep(write(arms=arms), out="o").runs[0].identity)
    assert found[0] == found[1]
