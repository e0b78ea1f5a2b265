"""Every protocol of evaluation on one small model: what it writes, and that the image tower runs once an image."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from adfair.data.manifest import load_cohort
from adfair.errors import ConfigError, DataError
from adfair.evaluation.embedding_cache import EmbeddingCache
from adfair.evaluation.protocols import PROMPTS
from adfair.evaluation.subject import Subject
from adfair.models.dual_encoder import DualEncoder, build_model, save_model
from adfair.workflows import protocol_rows
from adfair.workflows.evaluate import evaluate
from adfair.workflows.protocol_rows import PROTOCOLS, ROWS, Protocol, embedding_rows, zero_shot_rows

QUICK = Protocol(replicates=10, draws=1)


@pytest.fixture(scope="module")
def model() -> DualEncoder:
    return replace(build_model("tiny", seed=0, image_size=64), fingerprint="tiny-0")


@pytest.fixture(scope="module")
def subject(model: DualEncoder, small_cohort: Path) -> Subject:
    return Subject(model, load_cohort(small_cohort))


def count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Images that reach the image tower from now on, batch by batch."""
    seen: list[int] = []
    encode = DualEncoder.encode_image

    def counted(self: DualEncoder, pixels, **how):
        seen.append(len(pixels))
        return encode(self, pixels, **how)

    monkeypatch.setattr(DualEncoder, "encode_image", counted)
    return seen


def test_the_tower_sees_an_image_once_whatever_is_asked(
    model: DualEncoder, small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort, cache = load_cohort(small_cohort), EmbeddingCache(tmp_path)
    # The probes take seconds and see embeddings only.
    monkeypatch.setattr(protocol_rows, "leakage", lambda *_, **__: SimpleNamespace(rows=list))
    seen = count(monkeypatch)
    subject = Subject(model, cohort, cache=cache)
    for name in PROTOCOLS:
        ROWS[name](subject, "test", QUICK)
    for prompts in PROMPTS:
        zero_shot_rows(subject, "test", replace(QUICK, prompts=prompts, calibrate="sigmoid"))
    splits = ("train", "val", "probe", "test")
    assert sum(seen) == sum(len(cohort.split(name)) for name in splits)
    again = Subject(model, cohort, cache=cache)
    assert np.array_equal(again.image_emb("test"), subject.image_emb("test"))
    assert np.array_equal(again.scores("val"), subject.scores("val"))
    assert sum(seen) == sum(len(cohort.split(name)) for name in splits)
    lower = Subject(model, cohort, cache=cache, precision="bf16")
    cosine = (lower.image_emb("val") * subject.image_emb("val")).sum(1)
    assert 0.9999 < cosine.min() < 1
    assert sum(seen) == sum(len(cohort.split(name)) for name in (*splits, "val"))


@pytest.mark.parametrize("prompts", PROMPTS)
def test_zero_shot_by_each_protocol(prompts: str, subject: Subject) -> None:
    table = zero_shot_rows(subject, "test_5x90", replace(QUICK, prompts=prompts))
    value = table.set_index(["metric", "finding", "attribute", "group"])["value"]
    assert 0 <= value["five_class_accuracy", "mean", "", ""] <= 1
    assert 0 < value["auc", "mean", "", ""] < 1
    likeness = prompts in ("gloria", "medclip")
    assert np.isnan(value["ece", "mean", "", ""]) == likeness
    plain = zero_shot_rows(subject, "test_5x90", replace(QUICK, prompts=prompts, validation=None))
    undefined = plain[(plain["metric"] == "tpr") & (plain["attribute"] == "")]["value"].isna()
    assert undefined.all() == likeness


def test_calibrated_scores_are_probabilities_and_keep_the_auc(subject: Subject) -> None:
    raw, made = (
        zero_shot_rows(subject, "test", replace(QUICK, prompts="medclip", calibrate=method)).set_index(
            ["metric", "finding", "attribute", "group"]
        )["value"]
        for method in ("none", "sigmoid")
    )
    key = ("ece", "Edema", "", "")
    assert np.isnan(raw[key])
    assert made[key] < 0.2
    auc = ("auc", "Edema", "", "")
    assert min(abs(made[auc] - raw[auc]), abs(made[auc] + raw[auc] - 1)) < 1e-9
    with pytest.raises(ConfigError, match="--validation"):
        zero_shot_rows(subject, "test", replace(QUICK, calibrate="sigmoid", validation=None))


def test_statistics_of_embeddings(subject: Subject) -> None:
    rows = embedding_rows(subject, "test", QUICK)
    assert set(rows["metric"]) == {"embedding_spread", "embedding_offset", "embedding_rank"}
    assert rows["value"].between(0, 24).all()


def test_several_protocols_and_prompts_from_files(
    model: DualEncoder, small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_model(model, tmp_path / "m")
    out = evaluate(
        folder,
        data=small_cohort,
        protocol="retrieval,zero_shot",
        prompts="chexzero,gloria",
        out=tmp_path / "e",
        how=QUICK,
        cache=tmp_path / "c",
    )
    facts = json.loads((out / "evaluation.json").read_text())
    assert (facts["prompts"], facts["further_prompts"]) == ("chexzero", ["gloria"])
    metrics = pd.read_csv(out / "metrics.csv")
    assert {"retrieval_recall@1", "auc"} <= set(metrics["metric"])
    further = pd.read_csv(out / "prompts" / "gloria" / "metrics.csv")
    assert further["value"].max() <= 1
    assert pd.read_csv(out / "prompts" / "gloria" / "predictions.csv")["score"].max() <= 0
    for wrong in ({"prompts": "kad"}, {"protocol": "zero_shot,palm"}):
        with pytest.raises(ConfigError, match=r"kad|palm"):
            evaluate(folder, data=small_cohort, out=tmp_path / "w", how=QUICK, **wrong)
    with pytest.raises(DataError, match="folder for embeddings"):
        evaluate(
            folder,
            data=small_cohort,
            out=tmp_path / "w",
            how=QUICK,
            cache=tmp_path / "m/open_clip_config.json",
        )
