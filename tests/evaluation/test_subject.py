from pathlib import Path

import numpy as np
import pytest

from adfair.data.manifest import load_cohort
from adfair.evaluation import subject as module
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
