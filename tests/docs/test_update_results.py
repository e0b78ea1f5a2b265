import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module; its neighbour is found as it is when the script is run."""
    monkeypatch.syspath_prepend(str(DOCS))
    monkeypatch.delitem(sys.modules, "update_readme", raising=False)
    spec = importlib.util.spec_from_file_location("update_results", DOCS / "update_results.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_stand_between_their_markers(script: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text((DOCS / "results.md").read_text())
    folders = {marker: tmp_path / name for marker, name in script.SWEEPS.items()}
    for marker, folder in folders.items():
        folder.mkdir()
        (folder / "table.md").write_text(f"| {marker} first |\n")
    assert script.update(page, folders) == []
    (tmp_path / "ablation" / "table.md").write_text("| second |\n")
    assert script.update(page, folders) == []
    text = page.read_text()
    assert "<!-- ablation-table -->\n| second |\n<!-- /ablation-table -->" in text
    assert "| ablation-presets-table first |" in text
    assert "ablation-table first" not in text


def test_a_sweep_that_is_not_finished_leaves_the_page(script: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text((DOCS / "results.md").read_text())
    folders = {marker: tmp_path / name for marker, name in script.SWEEPS.items()}
    assert script.update(page, folders) == list(script.SWEEPS)
    assert page.read_text() == (DOCS / "results.md").read_text()
