import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from adfair.auditing.rows import row
from adfair.workflows.sweep import plan_sweep
from adfair.workflows.sweep_run import Run
from adfair.workflows.sweep_state import write_done, write_failed

DOCS = Path(__file__).parents[2] / "docs"
SWEEP = """
objective: {fairness: none, attributes: [race]}
sweep:
  seeds: [1, 2]
  baseline: a
  cohorts: {default: {preset: default}}
  test_sets: {test: [zero_shot]}
  figures: ["test:auc", "test:es_auc:race"]
  arms: {a: {}, b: {objective.fairness: adversarial}}
"""


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


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with the page and one small sweep in place of `ablation`."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "examples").mkdir()
    shutil.copy(DOCS / "results.md", tmp_path / "docs")
    (tmp_path / "examples" / "ablation.yaml").write_text(SWEEP)
    return tmp_path


def _finish(root: Path, seed: int, values: dict[str, float]) -> None:
    """Runs of one seed as a sweep leaves them, with made-up figures; a NaN is a failed run."""
    for run in plan_sweep(root / "examples" / "ablation.yaml", out=root / "runs" / "ablation").runs:
        if run.seed != seed or run.arm not in values:
            continue
        if values[run.arm] != values[run.arm]:
            write_failed(run, "the loss is not finite")
            continue
        _write(run, values[run.arm])


def _write(run: Run, value: float) -> None:
    run.folder.mkdir(parents=True, exist_ok=True)
    rows = [
        row("auc", "mean", figures={"value": value}),
        row("auc", "Edema", figures={"value": 0.1}),
        row("auc", "mean", "race", "A", figures={"value": 0.2}),
        row("es_auc", "mean", "race", figures={"value": value - 0.05}),
    ]
    pd.DataFrame(rows).to_csv(run.folder / "metrics.csv", index=False)
    write_done(run, {})


def _page(root: Path) -> str:
    """The part of the page that the sweep fills; the rest has figures of its own."""
    text = (root / "docs" / "results.md").read_text()
    return text[text.index("<!-- ablation-table -->") : text.index("<!-- /ablation-table -->")]


def test_seeds_that_were_made_apart_stand_in_one_table(script: ModuleType, root: Path) -> None:
    _finish(root, 1, {"a": 0.8, "b": 0.9})
    assert script.update(root, ["ablation"]) == []
    assert "1 of 2 seeds so far (1); what each run gave is in `docs/results/ablation.csv`." in _page(root)
    shutil.rmtree(root / "runs")
    _finish(root, 2, {"a": 0.6, "b": 0.8})
    assert script.update(root, ["ablation"]) == []
    assert "2 of 2 seeds so far (1, 2); what" in _page(root)
    assert "0.700 ±" in _page(root)
    assert "+0.150" in _page(root)
    stored = pd.read_csv(root / "docs" / "results" / "ablation.csv")
    assert stored["value"].tolist() == pytest.approx([0.8, 0.75, 0.9, 0.85, 0.6, 0.55, 0.8, 0.75])


def test_a_run_made_again_replaces_what_it_said(script: ModuleType, root: Path) -> None:
    _finish(root, 1, {"a": 0.8, "b": 0.9})
    script.update(root, ["ablation"])
    _finish(root, 1, {"a": 0.5})
    script.update(root, ["ablation"])
    assert "0.500" in _page(root)
    assert "0.800" not in _page(root)


def test_a_seed_that_lacks_a_run_is_not_in_the_table(script: ModuleType, root: Path) -> None:
    before = _page(root)
    _finish(root, 1, {"a": 0.8})
    assert script.update(root, ["ablation"]) == ["ablation"]
    assert _page(root) == before


def test_a_failed_run_leaves_its_arm_undefined_with_the_reason(script: ModuleType, root: Path) -> None:
    _finish(root, 1, {"a": 0.8, "b": float("nan")})
    assert script.update(root, ["ablation"]) == []
    assert "the loss is not finite" in _page(root)
    # Found again in the store alone.
    shutil.rmtree(root / "runs")
    script.update(root, ["ablation"])
    assert "the loss is not finite" in _page(root)


def test_the_arm_that_a_sweep_is_made_for_is_answered_for_above_the_tables(
    script: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(script.ANSWERS, "ablation", ("b", ("a",)))
    for seed, values in ((1, {"a": 0.8, "b": 0.9}), (2, {"a": 0.6, "b": 0.8})):
        _finish(root, seed, values)
    script.update(root, ["ablation"])
    page = _page(root)
    assert "`b` has a higher AUC than `a` in 1 of 1 populations (+0.150 to +0.150)." in page
    line = next(line for line in page.splitlines() if line.startswith("| default | +0.150 ["))
    assert "undefined" in line, "figures that no run has are not made up"
    assert page.index("`b` has") < page.index("<summary>Every arm and figure</summary>")
