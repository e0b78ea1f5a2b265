from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adfair.data.manifest import load_cohort
from adfair.errors import ConfigError
from adfair.evaluation import subject as module
from adfair.evaluation.embedding_cache import EmbeddingCache
from adfair.evaluation.subject import Subject
from adfair.models.dual_encoder import build_model


def test_a_split_is_embedded_once_and_its_predictions_follow_the_manifest(
    small_cohort: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    embed = module.embed_images
    monkeypatch.setattr(module, "embed_images", lambda *args, **how: asked.append(1) or embed(*args, **how))
    subject = Subject(build_model("tiny", seed=0, image_size=64), load_cohort(small_cohort))
    table, split = subject.predictions("test"), subject.cohort.split("test")
    assert np.array_equal(table["score"].to_numpy().reshape(5, -1).T, subject.scores("test"))
    assert len(asked) == 1
    for f, finding in enumerate(subject.findings):
        part = table[table["finding"] == finding].reset_index(drop=True)
        assert part["image_id"].tolist() == split["image_id"].tolist()
        assert np.array_equal(part["label"].to_numpy(float), subject.labels("test")[:, f])
        assert part["race"].tolist() == split["race"].tolist()


def test_embeddings_that_are_no_numbers_are_named_and_not_kept(small_cohort: Path, tmp_path: Path) -> None:
    blind = replace(build_model("tiny", seed=0, image_size=64), std=(0.0, 0.0, 0.0), fingerprint="x")
    cache = EmbeddingCache(tmp_path)
    subject = Subject(blind, load_cohort(small_cohort), cache=cache)
    with pytest.raises(
        ConfigError, match=r"'adfair' gives no finite embedding of \d+ images of 'test' \(first: row \d+ of "
    ):
        subject.scores("test")
    assert cache.written == 0


def test_a_newer_version_does_not_trust_what_an_older_one_kept(
    small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(build_model("tiny", seed=0, image_size=64), fingerprint="x")
    for version, read in (("1", 0), ("1", 2), ("2", 0)):
        monkeypatch.setattr(module, "__version__", version)
        cache = EmbeddingCache(tmp_path)
        subject = Subject(model, load_cohort(small_cohort), cache=cache)
        subject.image_emb("test")
        subject.text_emb(["edema"])
        assert cache.read == read
