from pathlib import Path

import pandas as pd
import pytest

from adfair.config import build_config
from adfair.errors import ConfigError, DataError
from adfair.training import train
from adfair.workflows.evaluate import Protocol, evaluate, model_folder


@pytest.fixture(scope="module")
def run(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = {
        "data": {"cohort": str(small_cohort), "batch_size": 32},
        "train": {"steps": 2},
        "objective": {"fairness": "none"},
    }
    return train(build_config(tree), out=tmp_path_factory.mktemp("run") / "clip")


QUICK = Protocol(replicates=20)


def test_every_protocol_writes_its_rows(run: Path, small_cohort: Path, tmp_path: Path) -> None:
    out = evaluate(run, data=small_cohort, protocol="all", out=tmp_path / "e", how=QUICK)
    metrics = set(pd.read_csv(out / "metrics.csv")["metric"])
    assert {"auc", "few_shot_auc@16", "leakage_auc", "leakage_auc_mlp"} <= metrics
    with pytest.raises(DataError, match="--force"):
        evaluate(run, data=small_cohort, out=tmp_path / "e", how=QUICK)


def test_a_run_its_model_folder_and_local_dir_are_the_same_model(run: Path) -> None:
    assert model_folder(run) == model_folder(run / "model") == model_folder(f"local-dir:{run / 'model'}")


def test_refusals(run: Path, small_cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="zero_shot"):
        evaluate(run, data=small_cohort, protocol="palm", out=tmp_path / "x")
    with pytest.raises(DataError, match="split"):
        evaluate(run, data=small_cohort, split="no-such", out=tmp_path / "x", how=QUICK)
    with pytest.raises(ConfigError, match="--probe"):
        evaluate(run, data=small_cohort, protocol="leakage", out=tmp_path / "x", how=Protocol(probe="none"))
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "config.yaml").write_text("")
    with pytest.raises(DataError, match="did not finish"):
        model_folder(tmp_path / "half")
