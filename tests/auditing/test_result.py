"""A finished audit: one figure by its name, and files that lose nothing."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair import audit
from adfair.auditing.result import Audit
from adfair.auditing.rows import COLUMNS, row
from adfair.auditing.settings import Settings


def small(**changes: object) -> Audit:
    """Three AUCs: of everyone, of one group, and of one group within a stratum."""
    rows = [
        row("auc", "mean", figures={"value": 0.5}),
        row("auc", "mean", "sex", "F", figures={"value": 0.6}),
        row("auc", "mean", "sex", "F", figures={"value": 0.7}) | {"stratum": "view=AP"},
    ]
    return Audit(pd.DataFrame(rows, columns=list(COLUMNS)), Settings(), **changes)  # type: ignore[arg-type]


def test_a_figure_is_found_by_group_and_stratum() -> None:
    result = small()
    assert result.value("auc") == 0.5
    assert result.value("auc", attribute="sex", group="F") == 0.6
    assert result.value("auc", attribute="sex", group="F", stratum="view=AP") == 0.7


def test_an_absent_or_ambiguous_figure_is_an_error_that_names_it() -> None:
    result = small()
    with pytest.raises(KeyError, match="no row auc, mean, sex, M"):
        result.value("auc", attribute="sex", group="M")
    twice = Audit(pd.concat([result.table, result.table]), result.settings)
    with pytest.raises(KeyError, match="no row auc, mean"):
        twice.value("auc")


def test_json_is_strict_and_holds_numpy_values_as_numbers() -> None:
    facts = {"images": np.int64(3), "share": np.float32(0.5), "flag": np.bool_(True), "path": Path("a")}

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    whole = json.loads(small(facts=facts, notes=("a note",)).to_json(), parse_constant=refuse)
    assert whole["facts"] == {"images": 3, "share": 0.5, "flag": True, "path": "a"}
    assert whole["notes"] == ["a note"]
    assert whole["settings"] == asdict(Settings())
    assert [m["value"] for m in whole["metrics"]] == [0.5, 0.6, 0.7]
    assert {m["ci_low"] for m in whole["metrics"]} == {None}


def test_saved_tables_are_read_back_to_the_last_digit(
    table: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    result = audit(table(80), attributes=["sex"], threshold=0.5, replicates=10, threads=1)
    folder = result.save(tmp_path / "deep" / "out")
    assert folder == tmp_path / "deep" / "out"
    for name, frame in (("metrics", result.table), ("calibration", result.calibration)):
        read = pd.read_csv(
            folder / f"{name}.csv", keep_default_na=False, na_values=[""], float_precision="round_trip"
        )
        numbers = frame.select_dtypes("number").columns
        assert len(numbers) >= 3
        pd.testing.assert_frame_equal(read[numbers], frame[numbers], check_exact=True, check_dtype=False)
    assert json.loads((folder / "audit.json").read_text(encoding="utf-8")) == json.loads(result.to_json())


def test_the_record_holds_the_hash_of_the_table_beside_it(
    table: Callable[..., pd.DataFrame], tmp_path: Path
) -> None:
    folder = audit(table(80), attributes=["sex"], threshold=0.5, replicates=0, threads=1).save(tmp_path)
    hashed = json.loads((folder / "audit.json").read_text(encoding="utf-8"))["metrics_sha256"]
    assert hashed == hashlib.sha256((folder / "metrics.csv").read_bytes()).hexdigest()
