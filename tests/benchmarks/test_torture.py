"""The fuzz of images at a tenth of its size (the whole: ``python benchmarks/torture_images.py``)."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "torture_images.py"


@pytest.fixture(scope="module")
def torture() -> ModuleType:
    spec = importlib.util.spec_from_file_location("torture_images", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
def test_a_thousand_damaged_images_give_only_our_error(torture: ModuleType, tmp_path: Path) -> None:
    counts, slowest, faults = torture.attack(1, range(1000), str(tmp_path))
    assert faults == []
    assert sum(counts.values()) == 1000
    assert min(counts["read"], counts["refused"]) > 100
    assert slowest < 2


def test_mutants_depend_on_seed_and_number_alone(torture: ModuleType) -> None:
    some = {i: data for i, _, data in torture.mutants(3, range(40, 50))}
    again = {i: data for i, _, data in torture.mutants(3, range(45, 50))}
    assert all(some[i] == again[i] for i in again)
    assert some != {i: data for i, _, data in torture.mutants(4, range(40, 50))}
