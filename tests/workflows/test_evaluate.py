import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch

import adfair.cli  # noqa: F401
from adfair.cli.app import run as run_command
from adfair.config import build_config
from adfair.data.balance import balance
from adfair.data.manifest import load_cohort
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
    hashed = json.loads((out / "evaluation.json").read_text())["metrics_sha256"]
    assert hashed == hashlib.sha256((out / "metrics.csv").read_bytes()).hexdigest()
    with pytest.raises(DataError, match="--force"):
        evaluate(run, data=small_cohort, out=tmp_path / "e", how=QUICK)


def test_a_cohort_without_a_validation_split_takes_thresholds_that_are_given(
    run: Path, small_cohort: Path, tmp_path: Path
) -> None:
    whole = evaluate(run, data=small_cohort, out=tmp_path / "whole", how=QUICK)
    alone = tmp_path / "alone"
    balance(small_cohort, out=alone, register=False, allow_short=True)
    with pytest.raises(
        ConfigError, match=r"split 'val', which .*alone lacks \(it has test\).*--threshold FILE"
    ):
        evaluate(run, data=alone, out=tmp_path / "e", how=QUICK)
    assert not (tmp_path / "e").exists()
    how = replace(QUICK, threshold=str(whole / "metrics.csv"))
    given = evaluate(run, data=alone, out=tmp_path / "e", how=how)
    tables = [pd.read_csv(out / "metrics.csv").query("metric == 'threshold'") for out in (whole, given)]
    one, other = (table.set_index("finding")["value"].to_dict() for table in tables)
    assert one == other
    record = json.loads((given / "evaluation.json").read_text())
    assert (record["validation"], record["threshold"]) == (None, how.threshold)
    half = evaluate(run, data=alone, out=tmp_path / "h", how=replace(QUICK, validation=None))
    assert json.loads((half / "evaluation.json").read_text())["threshold"] is None
    assert set(pd.read_csv(half / "metrics.csv").query("metric == 'threshold'")["value"]) == {0.5}


def test_a_rule_without_a_split_to_choose_on_is_refused(
    run: Path, small_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "e"
    how = replace(QUICK, validation=None, threshold="sensitivity=.9")
    with pytest.raises(ConfigError, match=r"--threshold sensitivity=\.9 .*--validation"):
        evaluate(run, data=small_cohort, out=out, how=how)
    words = ["evaluate", str(run), "--data", str(small_cohort), "--out", str(out), "--validation", ""]
    assert run_command([*words, "--threshold", "youden"]) == 2
    assert "--validation" in capsys.readouterr().err
    assert not out.exists()
    assert run_command([*words, "--replicates", "0", "--no-cache"]) == 0
    assert json.loads((out / "evaluation.json").read_text())["threshold"] is None


def test_an_adapter_is_evaluated_and_what_it_saw_in_training_is_said(
    small_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"embed_dim": 8, "quick_gelu": True}
    config["vision_cfg"] = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 32}
    config["text_cfg"] = {"width": 64, "heads": 1, "layers": 1}
    torch.save(open_clip.CLIP(**config).state_dict(), tmp_path / "best.pt")
    cohort = shutil.copytree(small_cohort, tmp_path / "cohort")
    told = (cohort / "cohort.yaml").read_text()
    (cohort / "cohort.yaml").write_text(re.sub("(?m)^source:.*$", "source: MIMIC-CXR-JPG", told))
    model, out = f"chexzero:{tmp_path / 'best.pt'}", tmp_path / "e"
    words = ["evaluate", model, "--data", str(cohort), "--out", str(out), "--replicates", "20", "--protocol"]
    assert run_command([*words, "linear_probe"]) == 0
    assert "chexzero as published was trained on MIMIC-CXR" in capsys.readouterr().err
    facts = json.loads((out / "evaluation.json").read_text())
    assert (facts["model"], facts["adapter"]) == (model, "chexzero")
    assert facts["weights_sha256"] == hashlib.sha256((tmp_path / "best.pt").read_bytes()).hexdigest()
    emb = np.load(out / "embeddings.npz")["image_emb"]
    assert emb.shape == (len(pd.read_csv(out / "predictions.csv")) // 5, 8)
    assert run_command([*words[:1], "chexzero:none.pt", *words[2:], "leakage", "--force"]) == 2


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


@pytest.mark.parametrize("name", ["predictions.csv", "embeddings.npz", "evaluation.json", "prompts/mine.txt"])
def test_what_the_folder_holds_is_written_over_with_force_alone(
    name: str, run: Path, small_cohort: Path, tmp_path: Path
) -> None:
    file = tmp_path / "e" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(DataError, match="exists already"):
        evaluate(run, data=small_cohort, out=tmp_path / "e", how=QUICK)
    assert file.read_text() == "mine"
    evaluate(run, data=small_cohort, out=tmp_path / "e", how=QUICK, force=True)
    if name.startswith("prompts"):  # no evaluation of ours put it there
        assert file.read_text() == "mine"


def test_embeddings_are_not_replaced_by_their_own_evaluation(
    run: Path, small_cohort: Path, tmp_path: Path
) -> None:
    out = evaluate(run, data=small_cohort, out=tmp_path / "e", how=QUICK)
    before = (out / "embeddings.npz").read_bytes()
    with pytest.raises(DataError, match=r"embeddings.npz: is what is evaluated"):
        evaluate(f"precomputed:{out / 'embeddings.npz'}", data=small_cohort, out=out, force=True)
    assert (out / "embeddings.npz").read_bytes() == before


def test_embeddings_have_one_layer_and_no_predictions(
    run: Path, small_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort = load_cohort(small_cohort)
    ids = cohort.table["image_id"].to_numpy(dtype=str)
    emb = np.random.default_rng(0).normal(size=(len(ids), 8)).astype(np.float32)
    np.savez(tmp_path / "e.npz", image_id=ids, image_emb=emb)
    words = [
        "evaluate",
        f"precomputed:{tmp_path / 'e.npz'}",
        "--data",
        str(small_cohort),
        "--replicates",
        "0",
    ]
    words += ["--out", str(tmp_path / "out"), "--no-cache", "--protocol"]
    assert run_command([*words, "leakage", "--layer", "pre_projection"]) == 2
    assert "holds embeddings only: leave --layer out" in capsys.readouterr().err
    assert run_command([*words, "linear_probe"]) == 0
    printed = capsys.readouterr().out
    assert "embeddings.npz, metrics.csv written" in printed
    assert "no predictions.csv, since the model has neither" in printed


@pytest.mark.parametrize(
    ("split", "protocol", "calibrate", "message"),
    [
        ("train", "linear_probe", "none", "linear_probe is taught on split 'train'"),
        ("val", "few_shot", "none", "few_shot chooses its settings on split 'val'"),
        ("val", "zero_shot", "sigmoid", "calibration is fitted on split 'val'"),
    ],
)
def test_images_that_teach_are_not_scored(
    run: Path, small_cohort: Path, tmp_path: Path, split: str, protocol: str, calibrate: str, message: str
) -> None:
    how = replace(QUICK, calibrate=calibrate)
    with pytest.raises(ConfigError, match=message):
        evaluate(run, data=small_cohort, split=split, protocol=protocol, out=tmp_path / "e", how=how)


def test_thresholds_of_the_split_that_chose_them_are_called_in_sample(
    run: Path, small_cohort: Path, tmp_path: Path
) -> None:
    out = evaluate(run, data=small_cohort, split="val", out=tmp_path / "e", how=QUICK)
    table = pd.read_csv(out / "metrics.csv")
    assert table.query("metric == 'tpr' and finding == 'Edema'")["note"].str.contains("in-sample").all()
    (out / "prompts" / "old").mkdir(parents=True)
    evaluate(run, data=small_cohort, out=out, how=QUICK, force=True)
    assert not (out / "prompts").exists(), "another evaluation's prompts do not outlive it"
