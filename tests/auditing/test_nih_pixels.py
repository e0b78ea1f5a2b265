"""The worked example on real NIH labels; skipped where the images are not there."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).parents[2]
PACK = Path(os.environ.get("PACK", ROOT.parent / "shared" / "cxr-pack"))
pytestmark = [pytest.mark.pack, pytest.mark.skipif(not (PACK / "manifest.csv").is_file(), reason="no images")]


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "audit_nih_pixels", ROOT / "examples" / "audit_nih_pixels.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_example_audits_real_labels(tmp_path: Path) -> None:
    module = example()
    result, test = module.run(PACK, tmp_path)
    assert (result.facts["images"], result.facts["patients"]) == (221, 145)
    assert result.facts["threshold_origin"] == "validation"
    saved = pd.read_csv(tmp_path / "predictions.csv")
    for finding, rows in saved.groupby("finding"):
        expected = roc_auc_score(rows["label"], rows["score"])
        assert result.value("auc", finding=finding) == pytest.approx(expected, abs=1e-12)
    assert result.value("auc") > 0.65
    fairlearn = pytest.importorskip("fairlearn.metrics")
    rows = test[test["finding"] == "Pneumonia"]
    called = (rows["score"] >= result.facts["thresholds"]["Pneumonia"]).astype(int)
    expected = fairlearn.equalized_odds_difference(rows["label"], called, sensitive_features=rows["sex"])
    told = {(tool, name): value for tool, name, value in module.conventions(test, result)}
    np.testing.assert_allclose(told["adfair", "equalized_odds_difference"], expected, atol=1e-12)
    page = tmp_path / "page.md"
    page.write_text(
        "a <!-- example:begin --><!-- example:end --> b <!-- conventions:begin --><!-- conventions:end --> c"
    )
    module.document(page, result, test)
    assert "221 test images of 145 patients." in page.read_text()
    assert page.read_text().endswith("<!-- conventions:end --> c")
