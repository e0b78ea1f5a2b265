import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from adfair.errors import DataError
from adfair.workflows.sweep import plan_sweep, sweep
from adfair.workflows.sweep_state import differences, pending, state

Write = Callable[..., Path]


def test_states_of_a_run(write: Write, made: list[str], tmp_path: Path) -> None:
    out = tmp_path / "o"
    run = plan_sweep(write(), out=out).runs[0]
    assert state(run) == "new"
    sweep(write(), out=out)
    assert state(run) == "finished"
    (run.folder / "done.json").unlink()
    assert state(run) == "unfinished"
    sweep(write(), out=out)
    assert state(plan_sweep(write(steps=6), out=out).runs[0]) == "differs"


def test_differences_name_keys_that_came_or_went(write: Write, made: list[str], tmp_path: Path) -> None:
    out = tmp_path / "o"
    sweep(write(), out=out)
    tests = {"test_reversed": ["zero_shot"]}
    changed = plan_sweep(write(test_sets=tests, replicates=3), out=out)
    assert differences(changed.runs[0]) == [
        'test_sets.test_reversed (there null, now ["zero_shot"])',
        'test_sets.test (there ["zero_shot"], now null)',
        "replicates (there 1000, now 3)",
    ]
    with pytest.raises(DataError, match="replicates"):
        pending(changed, force=False)


def test_a_new_remedy_trains_its_arm_again_only_where_the_model_is_gone(
    write: Write, made: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "o"
    sweep(write(seeds=[0]), out=out)
    arms = {"clip": {"objective.fairness": "none"}, "leace": {"after": "clip", "erase": "leace"}}
    plan = plan_sweep(write(seeds=[0], arms=arms), out=out)
    assert [run.arm for run in pending(plan, force=False)] == ["clip", "leace"]
    sweep(write(seeds=[0], arms=arms), out=out)
    shutil.rmtree(plan.runs[1].folder)
    assert [run.arm for run in pending(plan, force=False)] == ["leace"]
