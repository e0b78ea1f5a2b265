from collections.abc import Callable
from pathlib import Path

import pytest

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


def test_where_a_sweep_lies_is_not_in_the_identity(write: Callable[..., Path]) -> None:
    drawn = {"d": {"n_train": 60, "n_test": 60}}
    one, two = (plan_sweep(write(cohorts=drawn), out=out).runs[0] for out in ("a", "b/c"))
    assert one.config != two.config
    assert one.identity == two.identity
