import errno
import json
import os
import random
from pathlib import Path

import pytest
import torch

from adfair.errors import DataError
from adfair.training.checkpoint import (
    checkpoints,
    drop_old,
    newest_whole,
    read_checkpoint,
    require_whole,
    write_checkpoint,
)

FACTS = {"seconds": 1.5, "identity": {"config": {"seed": 3}}}


def tensors(step: int) -> dict[str, dict[str, torch.Tensor]]:
    return {
        "towers": {"w": torch.full((7, 3), float(step)).T},
        "optimizer": {"0.step": torch.tensor(step)},
        "none": {},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for step in (1, 2, 3):
        write_checkpoint(tmp_path / "checkpoints", step, tensors(step), FACTS)
    return tmp_path / "checkpoints"


def test_what_is_written_is_read_and_nothing_else_lies_there(folder: Path) -> None:
    path = folder / "step-000002"
    assert {p.name for p in path.iterdir()} == {
        "towers.safetensors",
        "optimizer.safetensors",
        "state.json",
        "manifest.json",
    }
    found, facts = read_checkpoint(path)
    assert facts == {"step": 2, **FACTS}
    assert found.keys() == {"towers", "optimizer"}
    assert torch.equal(found["towers"]["w"], torch.full((3, 7), 2.0))
    assert found["optimizer"]["0.step"].item() == 2
    assert {p.name for p in folder.iterdir()} == {"step-000001", "step-000002", "step-000003"}


def test_old_ones_and_what_kills_left_are_dropped(folder: Path) -> None:
    (folder / ".step-000004.abc").mkdir()
    (folder / "step-000002.safetensors").write_bytes(b"the selector's")
    drop_old(folder, written=3, keep=2)
    assert {p.name for p in folder.iterdir()} == {"step-000002", "step-000003", "step-000002.safetensors"}


@pytest.mark.parametrize("seed", range(100))
def test_cut_anywhere_it_is_refused_by_name_and_the_one_before_is_found(folder: Path, seed: int) -> None:
    draw, newest = random.Random(seed), folder / "step-000003"
    file = draw.choice(sorted(newest.iterdir()))
    os.truncate(file, draw.randrange(file.stat().st_size))
    with pytest.raises(DataError, match=f"{newest / file.name}: the checkpoint is damaged"):
        read_checkpoint(newest)
    path, damaged = newest_whole(folder)
    assert path == folder / "step-000002"
    assert [str(newest / file.name) in str(error) for error in damaged] == [True]


def test_a_changed_byte_and_a_missing_file_are_refused(folder: Path) -> None:
    file = folder / "step-000003" / "towers.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"towers.safetensors.*SHA-256"):
        require_whole(folder / "step-000003")
    (folder / "step-000002" / "manifest.json").unlink()
    (folder / "step-000001" / "state.json").unlink()
    path, damaged = newest_whole(folder)
    assert path is None
    assert "manifest.json: the checkpoint is damaged: this file is missing" in str(damaged[1])
    assert "state.json" in str(damaged[2])


def test_another_format_is_not_guessed_at(folder: Path) -> None:
    manifest = folder / "step-000003" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 9}))
    with pytest.raises(DataError, match="format 9"):
        require_whole(folder / "step-000003")


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_fails_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    def fail(*args: object, **keys: object) -> None:
        raise OSError(code, os.strerror(code))

    if call == "write":
        monkeypatch.setattr(Path, "open", fail)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=os.strerror(code)):
        write_checkpoint(folder, 4, tensors(4), FACTS)
    monkeypatch.undo()
    assert [p.name for p in checkpoints(folder)] == ["step-000003", "step-000002", "step-000001"]
    assert newest_whole(folder) == (folder / "step-000003", [])
    assert not list(folder.glob(".step-*"))


def test_a_damaged_one_is_replaced_when_the_run_passes_its_step_again(folder: Path) -> None:
    os.truncate(folder / "step-000003" / "state.json", 1)
    write_checkpoint(folder, 3, tensors(3), FACTS)
    assert newest_whole(folder) == (folder / "step-000003", [])
    assert len(list(folder.iterdir())) == 3


def test_what_a_resumption_could_not_read_goes_and_what_was_just_written_stays(folder: Path) -> None:
    (folder / "step-000003" / "manifest.json").write_text("{")
    newest, damaged = newest_whole(folder)
    assert newest is not None
    assert (newest.name, len(damaged)) == ("step-000002", 1)
    drop_old(folder, written=2, keep=1)
    assert [path.name for path in checkpoints(folder)] == ["step-000002"]


def test_steps_are_compared_as_numbers(tmp_path: Path) -> None:
    for step in (999_800, 1_000_000, 1_000_200):
        write_checkpoint(tmp_path, step, {"towers": {"w": torch.zeros(1)}}, {})
    (tmp_path / "step-by-step").mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-1000200", "step-1000000", "step-999800"]
    drop_old(tmp_path, written=1_000_200, keep=2)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-1000200", "step-1000000"]
