import json
import os
import subprocess
import sys
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.workflows.killed import worker_outlives

from adfair.auditing.rows import COLUMNS
from adfair.errors import ConfigError, DataError
from adfair.workflows import demo as workflow

TESTS = {"test", "test_reversed", "test_5x90"}
MODELS = ("clip", "scrubbed_clip", "adfair", "auto")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quick demonstration, run by the command line as a user would."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    command = [sys.executable, "-m", "adfair", "demo", "--quick", "--seed", "1", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert "comparison.csv" in done.stdout
    assert "An adversary of weight" in done.stdout  # the policy says what it took
    return out


def test_it_writes_what_the_contract_says(folder: Path) -> None:
    for model in MODELS:
        for name in (
            "config.yaml",
            "log.jsonl",
            "environment.json",
            "predictions.csv",
            "metrics.csv",
            "embeddings.npz",
        ):
            assert (folder / model / name).is_file(), name
        for test_set in TESTS - {"test"}:
            assert (folder / model / test_set / "metrics.csv").is_file()
    assert json.loads((folder / "demo.json").read_text())["seed"] == 1
    assert (folder / "report.html").stat().st_size < 8e6


def test_the_comparison_holds_all_models_and_all_test_sets(folder: Path) -> None:
    table = pd.read_csv(folder / "comparison.csv")
    assert list(table.columns) == ["model", "test_set", *COLUMNS]
    assert tuple(table["model"].unique()) == MODELS
    assert set(table["test_set"]) == TESTS
    on_test = set(table[table["test_set"] == "test"]["metric"])
    wanted = {
        "auc",
        "es_auc",
        "equalized_odds_difference",
        "few_shot_auc@16",
        "leakage_auc",
        "leakage_auc_lr",
    }
    assert wanted <= on_test
    assert "five_class_accuracy" in set(table[table["test_set"] == "test_5x90"]["metric"])
    key = ["model", "test_set", "metric", "finding", "attribute", "group", "stratum"]
    assert not table.duplicated(key).any()
    assert table.loc[table["value"].isna(), "note"].notna().all()


def test_predictions_can_be_audited_again_to_the_same_auc(folder: Path) -> None:
    from sklearn.metrics import roc_auc_score

    predictions = pd.read_csv(folder / "clip" / "predictions.csv")
    assert list(predictions.columns) == ["image_id", "patient_id", "finding", "label", "score", "race", "sex"]
    table = pd.read_csv(folder / "clip" / "metrics.csv")
    overall = table[(table["metric"] == "auc") & table["attribute"].isna() & (table["finding"] == "Edema")]
    edema = predictions[predictions["finding"] == "Edema"]
    assert overall["value"].item() == pytest.approx(roc_auc_score(edema["label"], edema["score"]), abs=1e-12)


def test_models_of_the_same_reports_saw_the_same_start_and_the_same_batches(folder: Path) -> None:
    first = [json.loads((folder / m / "log.jsonl").read_text().splitlines()[0]) for m in ("clip", "adfair")]
    assert first[0]["contrastive"] == first[1]["contrastive"]


def test_each_model_was_trained_with_what_its_name_says(folder: Path) -> None:
    configs = {m: yaml.safe_load((folder / m / "config.yaml").read_text()) for m in MODELS}
    assert [configs[m]["data"]["scrub_demographics"] for m in MODELS] == [False, True, False, True]
    assert [configs[m]["objective"]["fairness"] for m in MODELS[:3]] == ["none", "none", "adversarial"]
    policy = json.loads((folder / "auto" / "environment.json").read_text())["policy"]
    for key in ("negatives", "condition", "adversary_weight"):
        assert configs["auto"]["objective"][key] == policy[key]
    page = unescape((folder / "report.html").read_text())
    assert "the policy took" in page
    assert policy["reasons"][0] in page


def test_embeddings_are_those_of_the_saved_model(folder: Path) -> None:
    import open_clip
    import torch

    from adfair.data.images import load_images
    from adfair.data.manifest import load_cohort

    cohort = load_cohort(folder / "cohort")
    net, preprocess = open_clip.create_model_from_pretrained(
        f"local-dir:{folder / 'adfair' / 'model'}", pretrained_hf=False
    )
    from PIL import Image

    images = load_images(cohort, cohort.split("test").head(8), size=64)
    with torch.inference_mode():
        batch = torch.stack([preprocess(Image.fromarray(i)) for i in images])
        emb = net.eval().encode_image(batch, normalize=True).numpy()
    saved = np.load(folder / "adfair" / "embeddings.npz")["image_emb"][:8]
    assert np.abs(emb - saved).max() < 1e-5


def test_a_finished_demo_is_not_overwritten(folder: Path) -> None:
    from adfair.workflows.demo import demo

    with pytest.raises(DataError, match="--force"):
        demo(folder, quick=True)
    with pytest.raises(DataError, match="not a demo"):
        demo(folder / "clip", quick=True)


def test_a_line_that_is_being_written_does_not_count(tmp_path: Path) -> None:
    from adfair.workflows.demo import steps_done

    log = tmp_path / "log.jsonl"
    assert steps_done(log) == 0
    log.write_text('{"step": 0, "lr')
    assert steps_done(log) == 0
    log.write_text('{"step": 0}\n{"step": 9}\n{"st')
    assert steps_done(log) == 10


class Begun(Exception):
    """A demonstration has taken its folder and would draw its cohort now."""


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Demonstrations that end where the cohort would be drawn, as a kill would end them."""

    def stop(*_: object, **__: object) -> None:
        raise Begun

    monkeypatch.setattr("adfair.data.synthetic.synth", stop)
    monkeypatch.setattr(workflow, "worker_context", lambda: None)


@pytest.mark.parametrize(
    "theirs",
    [["cohort/cohort.yaml", "adfair/config.yaml", "thesis.txt"], ["demo.json"], ["comparison.csv"]],
)
def test_a_folder_of_the_users_is_never_taken_for_a_demo(
    stopped: None, tmp_path: Path, theirs: list[str]
) -> None:
    for name in theirs:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match="is not a demo"):
        workflow.demo(tmp_path, force=True)
    assert all((tmp_path / name).read_text() == "mine" for name in theirs)


def test_a_demo_that_was_killed_and_one_of_an_earlier_version_can_be_replaced(
    stopped: None, tmp_path: Path
) -> None:
    killed, older = tmp_path / "killed", tmp_path / "older"
    with pytest.raises(Begun):
        workflow.demo(killed)
    older.mkdir()
    for name in ("demo.json", "comparison.csv"):
        (older / name).touch()
    for out in (killed, older):
        (out / "half").touch()
        with pytest.raises(DataError, match="--force"):
            workflow.demo(out)
        assert (out / "half").exists()
        with pytest.raises(Begun):
            workflow.demo(out, force=True)
        assert not (out / "half").exists()


@pytest.mark.parametrize("wrong", [{"preset": "defualt"}, {"seed": -1}])
def test_what_is_wrong_is_said_before_an_earlier_demo_goes(
    stopped: None, tmp_path: Path, wrong: dict[str, object]
) -> None:
    for name in ("demo.json", "comparison.csv"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        workflow.demo(tmp_path, force=True, **wrong)  # type: ignore[arg-type]
    assert (tmp_path / "demo.json").exists()


POOL = """
    from adfair.workflows import demo
    with demo._pool(get_context("spawn")) as pool:
        pool.submit(work, sys.argv[1]).result()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_workers_of_a_killed_demo_end(tmp_path: Path) -> None:
    assert not worker_outlives(POOL, tmp_path)
