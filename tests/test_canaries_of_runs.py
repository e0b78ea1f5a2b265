"""Canaries of ``test_canaries.py``, which says where they may be, through prepare, training, evaluation and the page."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.canaries import FREE_TEXT, Heard, canary, in_files, planted

from adfair.config import build_config

TABLES = ("predictions.csv", "embeddings.npz")
"""Tables of images that a user asks for."""


@pytest.fixture(scope="module")
def cohort(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read it, never change it."""
    return planted(small_cohort, tmp_path_factory.mktemp("planted") / "cohort")


def spoil(path: Path, fault: str) -> None:
    data, at = path.read_bytes(), path.read_bytes().index(b"TAG-CANARY")
    if fault == "cut":
        path.write_bytes(data[: len(data) - 100])
    elif fault == "garbled":  # the name's length leads past the end of the file
        path.write_bytes(data[: at - 2] + b"\xff\x7f" + data[at:])
    elif fault == "illegal":  # the kind of the pixels is a name
        path.write_bytes(data.replace(b"MONOCHROME2 ", b"TAG-CANARY00"))
    elif fault == "link":
        outside = path.parents[3] / path.name
        path.rename(outside)
        path.symlink_to(outside)
    else:
        path.unlink()


@pytest.mark.parametrize("fault", ["cut", "garbled", "illegal", "link", "missing"])
def test_prepare_of_dicom_with_names_in_its_tags(
    run: Path, small_cohort: Path, tmp_path: Path, heard: Heard, fault: str
) -> None:
    cohort = planted(small_cohort, tmp_path / "cohort", dicom=True)
    assert "TAG-CANARY" in in_files(cohort)
    prepare = ["prepare", cohort, "--size", 32, "--workers", 1]
    assert heard(*prepare) == 0, heard.texts
    assert heard(*prepare, "--format", "webdataset") == 0
    assert in_files(cohort / "cache", kinds=FREE_TEXT) == []
    for path in cohort.rglob("*.dcm"):
        if path.stem in (canary("FILE", 0), canary("FILE", 60)):  # one to train on, one to test on
            spoil(path, fault)
    assert heard(*prepare, "--force") == 2
    assert in_files(cohort / "cache", kinds=FREE_TEXT) == []
    assert heard("check", cohort) == 2
    if fault != "link":
        assert heard(*prepare, "--max-bad", "1%") == 0
        assert in_files(cohort / "cache", kinds=FREE_TEXT) == []
    config = build_config({}, [f"data.cohort={cohort}", "train.steps=1", "data.image_size=48"])
    (tmp_path / "c.yaml").write_text(config.to_yaml())
    assert heard("train", tmp_path / "c.yaml", "--out", tmp_path / "run") == 2
    assert heard("evaluate", run, "--data", cohort, "--no-cache", "--out", tmp_path / "e") == 2
    assert heard.leaks() == []


# Training, evaluation, the page.
KEYS = {
    "data.batch_size": 24,
    "train.steps": 7,
    "train.checkpoint_every": 3,
    "train.log_every": 1,
    "objective.delay": 0.1,
    "data.scrub_demographics": True,
    "train.select": "best_auc",
    "objective.contrastive": "fastclip",
}


@pytest.fixture(scope="module")
def run(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the planted cohort; tests of training make their own."""
    from adfair.training import train

    keys = [f"{key}={value}" for key, value in {**KEYS, "data.cohort": cohort}.items()]
    return train(build_config({}, keys), out=tmp_path_factory.mktemp("run") / "run")


def test_training_its_log_checkpoints_and_tracebacks(
    cohort: Path, tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra track")
    (tmp_path / "c.yaml").write_text("{}")
    sets = [
        word for key, value in {**KEYS, "data.cohort": cohort}.items() for word in ("--set", f"{key}={value}")
    ]
    words = ["train", tmp_path / "c.yaml", *sets]
    assert heard(*words, "--dry-run") == 0
    assert heard(*words, "--tensorboard", "--out", tmp_path / "runs" / "whole") == 0
    assert heard(*words, "--resume", "--out", tmp_path / "runs" / "whole") == 0
    monkeypatch.setattr("adfair.training.towers.check_gradients", lambda step, net: 1 / 0)
    assert heard(*words, "--out", tmp_path / "runs" / "broken") is None, "an error of our own"
    monkeypatch.undo()
    names = {path.name for path in (tmp_path / "runs").rglob("*")}
    assert {"log.jsonl", "environment.json", "state.json", "contrastive.safetensors", "tensorboard"} <= names
    assert in_files(tmp_path / "runs") == []
    assert heard.leaks() == []


def test_evaluation_audit_and_the_page(run: Path, cohort: Path, tmp_path: Path, heard: Heard) -> None:
    asked, few = ["--data", cohort, "--replicates", 20, "--no-cache"], ["--replicates", 20]
    assert heard("evaluate", run, *asked, "--protocol", "all", "--out", tmp_path / "e") == 0
    assert heard("evaluate", run, *asked, "--out", tmp_path / "f") == 0
    assert heard("audit", tmp_path / "e" / "predictions.csv", *few, "--out", tmp_path / "a") == 0
    assert heard("compare", tmp_path / "e", tmp_path / "f", *few, "--out", tmp_path / "c") == 0
    page = ["report", tmp_path / "e", tmp_path / "f", "--images", cohort]
    assert heard(*page, "--out", tmp_path / "page" / "report.html") == 0
    assert heard("erase", run, "--data", cohort, "--out", tmp_path / "erased") == 0
    assert heard("diagnose", cohort, "--out", tmp_path / "found") == 0
    assert in_files(tmp_path / "e" / "predictions.csv") == ["IMAGE-CANARY", "PATIENT-CANARY"]
    assert in_files(tmp_path, kinds=FREE_TEXT) == []
    assert in_files(tmp_path, but=TABLES) == []
    assert heard.leaks() == []


def test_the_list_that_balance_is_asked_for(cohort: Path, tmp_path: Path, heard: Heard) -> None:
    asked = [
        "--findings",
        "Edema",
        "--attributes",
        "sex",
        "--per-cell",
        500,
        "--allow-short",
        "--no-register",
    ]
    assert heard("balance", cohort, *asked, "--out", tmp_path / "b") == 0
    lists = [path.name for path in (tmp_path / "b").iterdir() if in_files(path)]
    assert "manifest.csv" in lists
    assert in_files(tmp_path / "b", kinds=("REPORT", "FILE"), but=["manifest.csv"]) == []
    assert heard.leaks() == []
    (tmp_path / "ids.csv").write_text(f"image_id\n{canary('IMAGE', 999)}\n")
    assert heard("balance", cohort, *asked, "--from-list", tmp_path / "ids.csv", "--out", tmp_path / "d") == 2
    assert heard.leaks() == []


TABLE_FAULTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no header": lambda t: t.set_axis(t.iloc[0], axis=1),
    "a header twice": lambda t: t.rename(columns={"patient_id": "image_id"}),
    "a report as label": lambda t: t.assign(label=[canary("REPORT", 0)] * len(t)),
    "a report as score": lambda t: t.assign(score=[canary("REPORT", 0)] * len(t)),
    "ids as race": lambda t: t.assign(race=t["patient_id"]),
    "ids as finding": lambda t: t.assign(finding=""),
    "rows twice": lambda t: pd.concat([t, t]),
    "an image of two patients": lambda t: t.assign(image_id=canary("IMAGE", 0), finding=range(len(t))),
}


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_audits_of_tables_with_faults(tmp_path: Path, heard: Heard, fault: str) -> None:
    n = np.arange(100)
    table = pd.DataFrame(
        {
            "image_id": [canary("IMAGE", i) for i in n],
            "patient_id": [canary("PATIENT", i) for i in n],
            "finding": "Edema",
            "label": n % 2,
            "score": n / 100,
            "race": np.where(n % 3, "Black", "White"),
        }
    )
    TABLE_FAULTS[fault](table).to_csv(tmp_path / "p.csv", index=False)
    few = ["--replicates", 20, "--out", tmp_path / "a"]
    asked = ["--attributes", "race"] if fault == "ids as race" else []
    assert heard("audit", tmp_path / "p.csv", *asked, *few) == 2
    table.to_csv(tmp_path / "whole.csv", index=False)
    assert heard("compare", tmp_path / "p.csv", tmp_path / "whole.csv", *asked, *few) in (1, 2, None)
    assert heard.leaks() == []


def test_errors_from_python_name_no_patient(tmp_path: Path, heard: Heard) -> None:
    from adfair.evaluation.leakage import leakage
    from adfair.models.adapters.precomputed import load

    emb, patients = (
        np.random.default_rng(0).normal(size=(100, 4)),
        np.array([canary("PATIENT", i) for i in range(100)]),
    )
    codes = np.arange(100) % 2
    heard.call(
        leakage,
        emb,
        codes,
        emb,
        codes,
        groups=["a", "b"],
        attribute="sex",
        train_patients=patients,
        test_patients=patients,
    )
    np.savez(tmp_path / "x.npz", image_id=np.array(["i"]), image_emb=emb[:1])
    heard.call(load(tmp_path / "x.npz").lookup, [canary("IMAGE", 0)])
    assert heard.leaks() == []
    assert len(heard.texts) == 6, "both raise"
