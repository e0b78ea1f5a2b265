"""Five kills of training, twenty of saving and two failing disks; `make torture` runs 50, 200 and 20."""

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "torture_resume.py"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FILE.parent))  # its neighbour is found as it is when the script is run
    spec = spec_from_file_location("torture_resume", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "torture_resume", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ARMS", {"adfair": {"train.select": "best_auc"}})
    monkeypatch.setattr(module, "SCALE", {**module.SCALE, "train.steps": 8, "train.checkpoint_every": 2})
    found = module.torture(tmp_path, kills=5, saves=20, disks=2, seed=0)
    assert found.lost == []
    assert found.counts["training runs killed"] == 5
    assert found.counts["saves killed"] == 20
    assert found.counts["disks full or read-only"] == 2
