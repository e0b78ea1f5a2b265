"""What the reader can turn begins where the tables stand: at the run's thresholds, with the rates of the audit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair import audit
from adfair.reporting.explorer import explorer
from adfair.reporting.packing import unpack
from adfair.reporting.sources import read_sources


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    """More images of a group and class than packed rates can count."""
    rng = np.random.default_rng(2)
    n = 9000
    label = rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(n)],
            "finding": "Edema",
            "label": label,
            "score": rng.beta(2 + label, 3, n),
            "sex": rng.choice(["F", "M"], n, p=[0.7, 0.3]),
        }
    )


def _audited(table: pd.DataFrame, folder: Path, **options: object) -> dict:
    audit(table, attributes=["sex"], replicates=0, threads=1, **options).save(folder)
    table.to_csv(folder / "predictions.csv", index=False)
    held = explorer(read_sources([folder]))
    assert held is not None
    return held["curves"][0][0][0]


@pytest.mark.parametrize("threshold", [{"threshold": 0.4321}, {"threshold": "youden", "in_sample": True}])
def test_the_first_rates_are_those_of_the_table_to_the_last_digit(
    large: pd.DataFrame, tmp_path: Path, threshold: dict
) -> None:
    found = _audited(large, tmp_path, **threshold)
    metrics = pd.read_csv(tmp_path / "metrics.csv", keep_default_na=False).query("finding == 'Edema'")
    at = metrics.set_index(["metric", "attribute", "group"])["value"].astype(str)
    assert found["at"][found["start"]] == found["run"] == float(f"{float(at['threshold', '', '']):.4g}")
    for g, group in enumerate(found["groups"]):
        for k, metric in enumerate(("tpr", "fpr")):
            rate = found["flagged"][g][k] / found["n"][g][k]
            assert rate == pytest.approx(float(at[metric, "sex", group]), abs=1e-12)
            assert unpack(found[metric][g])[found["start"]] == pytest.approx(rate, abs=1 / 8188)


def test_a_group_without_positives_has_nothing_flagged_among_them(tmp_path: Path) -> None:
    rows = {"label": [1, 0, 0, 0], "score": [0.9, 0.6, 0.7, 0.1], "sex": ["F", "F", "M", "M"]}
    table = pd.DataFrame({"image_id": list("abcd"), "finding": "Edema", **rows})
    found = _audited(table, tmp_path, threshold=0.5)
    assert found["groups"] == ("F", "M")
    assert found["n"] == [[1, 1], [0, 2]]
    assert found["flagged"] == [[1, 1], [0, 1]]
    assert np.isnan(unpack(found["tpr"][1])).all()
