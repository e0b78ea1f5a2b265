"""The plane of the embeddings: against scikit-learn, and the share explained against its closed form."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from adfair.auditing.formats import load_predictions
from adfair.reporting.projection import NONE, SEVERAL, explained, project


def test_components_are_those_of_scikit_learn_up_to_sign() -> None:
    rng = np.random.default_rng(0)
    emb = rng.normal(size=(50, 6)) * np.arange(1, 7)
    ids = np.array([f"i{k}" for k in range(50)])
    rows = [{"image_id": i, "finding": f, "label": int(k % 3 == j), "score": 0.5, "sex": "FM"[k % 2]}
            for k, i in enumerate(ids) for j, f in enumerate(("A", "B"))]  # fmt: skip
    found = project(ids, emb, load_predictions(pd.DataFrame(rows), attributes=["sex"]))
    reference = PCA(2).fit(emb)
    np.testing.assert_allclose(np.abs(found.points), np.abs(reference.transform(emb)), atol=1e-8)
    assert found.spread == pytest.approx(tuple(reference.explained_variance_ratio_))
    assert found.colours["sex"].tolist() == ["F", "M"] * 25
    assert found.colours["finding"][:3].tolist() == ["A", "B", NONE]
    assert SEVERAL not in found.colours["finding"]


def test_explained_is_one_when_sets_are_points_and_nothing_when_they_share_a_mean() -> None:
    points = np.array([[0.0, 0], [0, 0], [1, 1], [1, 1]])
    assert explained(points, np.array(["a", "a", "b", "b"])) == pytest.approx(1)
    assert explained(points, np.array(["a", "b", "a", "b"])) == pytest.approx(0)
