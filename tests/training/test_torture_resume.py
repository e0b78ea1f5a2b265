"""Five kills of training, twenty of saving and two failing disks; `make torture` runs 50, 200 and 20."""

import os
from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    arena, module = (import_module(name) for name in ("torture_arena", "torture_resume"))
    few = {"adfair": {"train.select": "best_auc"}}
    for user in (arena, module):
        monkeypatch.setattr(user, "ARMS", few)
    monkeypatch.setattr(arena, "SCALE", {**arena.SCALE, "train.steps": 8, "train.checkpoint_every": 2})
    found = module.torture(tmp_path, kills=5, saves=20, disks=2, seed=0)
    assert found.lost == []
    assert found.counts["training runs killed"] == 5
    assert found.counts["saves killed"] == 20
    assert found.counts["disks full or read-only"] == 2
