import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from adfair.evaluation import penalty_search
from adfair.evaluation.linear_probe import FEW_SHOT_C
from adfair.evaluation.penalty_search import PENALTIES, linear
from adfair.evaluation.splits import Rows, Splits, standardised


def rows(seed: int, n: int = 200) -> Rows:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, (n, 3)).astype(float)
    emb = rng.standard_normal((n, 12))
    emb[:, :3] += 1.5 * y
    return Rows(emb / np.linalg.norm(emb, axis=1, keepdims=True), y, np.zeros((n, 3)))


@pytest.fixture(scope="module")
def splits() -> Splits:
    return standardised(Splits(rows(0), rows(1), rows(2)))


TAUGHT = {0: np.arange(16), 1: np.arange(12), 2: np.arange(40, 190)}


def searched(splits: Splits, f: int, tried: list[float]) -> np.ndarray:
    """Every penalty by scikit-learn to the last digit, until two in a row are no better."""
    train, val, test = splits
    assert val is not None
    y, best, values = train.labels[TAUGHT[f], f], (-1.0, None), []
    for c in PENALTIES:
        model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12).fit(
            train.emb[TAUGHT[f]].astype(float), y
        )
        value = round(roc_auc_score(val.labels[:, f], model.decision_function(val.emb)), 9)
        best = max(best, (value, model), key=lambda pair: pair[0])
        values.append(value)
        tried.append(c)
        if len(values) > 2 and max(values[-2:]) <= max(values[:-2]):
            break
    return best[1].decision_function(test.emb)


def test_the_regression_with_the_best_penalty_on_validation(splits: Splits) -> None:
    found, lengths = linear(splits, TAUGHT), []
    for f in (0, 1):
        tried: list[float] = []
        np.testing.assert_allclose(found[:, f], searched(splits, f, tried), atol=1e-4)
        lengths.append(len(tried))
    assert lengths[1] < lengths[0] == len(PENALTIES), "one search ends before the other"
    # With many rows scikit-learn's own tolerance applies.
    np.testing.assert_allclose(found[:, 2], searched(splits, 2, []), atol=2e-2)


def test_both_solvers_find_the_same(splits: Splits, monkeypatch: pytest.MonkeyPatch) -> None:
    small = linear(splits, TAUGHT)
    monkeypatch.setattr(penalty_search, "SMALL", 1)
    np.testing.assert_allclose(linear(splits, TAUGHT), small, atol=2e-2)


def test_where_nothing_validates_the_penalty_is_fixed(splits: Splits) -> None:
    assert splits.val is not None
    one = splits.val._replace(labels=np.where(np.arange(3) == 0, 1.0, splits.val.labels))
    theirs = LogisticRegression(C=FEW_SHOT_C, tol=1e-10).fit(
        splits.train.emb[TAUGHT[0]], splits.train.labels[TAUGHT[0], 0]
    )
    for val in (None, one):
        found = linear(splits._replace(val=val), TAUGHT)[:, 0]
        # Our search stops earlier than theirs does at 1e-10; how much earlier differs between processors.
        np.testing.assert_allclose(found, theirs.decision_function(splits.test.emb), atol=5e-3)
