import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from adfair.evaluation import tip_adapter as module
from adfair.evaluation.splits import Rows, Splits
from adfair.evaluation.tip_adapter import SHARPNESS, TRUST, tip_adapter


def rows(seed: int, n: int = 200) -> Rows:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, (n, 2)).astype(float)
    emb = rng.standard_normal((n, 12))
    emb[:, :2] += 1.5 * y
    emb /= np.linalg.norm(emb, axis=1, keepdims=True)
    return Rows(emb.astype(np.float32), y, 0.1 * rng.standard_normal((n, 2)))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return Splits(rows(0), rows(1), rows(2))


TAUGHT = {0: np.arange(5, 25), 1: np.arange(10)}


def by_hand(splits: Splits, part: Rows, f: int, beta: float, alpha: float) -> np.ndarray:
    """One image and one labelled image at a time."""
    keys, y = splits.train.emb[TAUGHT[f]].astype(float), splits.train.labels[TAUGHT[f], f] == 1
    near = np.exp(-beta * (1 - part.emb.astype(float) @ keys.T))
    return part.prior[:, f] + alpha * (near[:, y].mean(axis=1) - near[:, ~y].mean(axis=1))


def test_without_validation_the_settings_are_tip_adapter_s_own(splits: Splits) -> None:
    found = tip_adapter(splits._replace(val=None), TAUGHT)
    for f in TAUGHT:
        np.testing.assert_allclose(found[:, f], by_hand(splits, splits.test, f, 5.5, 1.0), atol=1e-6)


def test_settings_are_those_of_the_best_auc_on_validation_images(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CELLS", 50)  # a few images at a time
    val = splits.val
    assert val is not None
    val.labels[::7, 0] = -1
    found = tip_adapter(splits, TAUGHT)
    settings = set()
    for f in TAUGHT:
        known = np.isin(val.labels[:, f], (0, 1))
        values = {
            (beta, alpha): roc_auc_score(val.labels[known, f], by_hand(splits, val, f, beta, alpha)[known])
            for beta in SHARPNESS
            for alpha in TRUST
        }
        best = max(values, key=lambda pair: values[pair])
        settings.add(best)
        np.testing.assert_allclose(found[:, f], by_hand(splits, splits.test, f, *best), atol=2e-5)
    assert len(settings) == 2, "of findings that differ"


def test_without_trust_only_the_prior_is_left(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRUST", (0.0,))
    np.testing.assert_allclose(tip_adapter(splits, TAUGHT), splits.test.prior)
