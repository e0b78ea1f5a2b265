import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from adfair.errors import ConfigError, DataError
from adfair.evaluation.calibration import as_method, calibrate
from adfair.metrics import ece


class Identity(ClassifierMixin, BaseEstimator):
    """What scikit-learn calibrates: a classifier that hands on the score."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> "Identity":
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, x: np.ndarray) -> np.ndarray:
        return x[:, 0]

    def predict(self, x: np.ndarray) -> np.ndarray:
        return (x[:, 0] > 0).astype(int)


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (400, 2)).astype(float)
    return 0.02 * (rng.standard_normal((400, 2)) + y), y


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_the_same_as_scikit_learn(method: str, data: tuple[np.ndarray, np.ndarray]) -> None:
    score, y = data
    found = calibrate(score, validation_scores=score, validation_labels=y, findings=["A", "B"], method=method)
    for f in range(2):
        x = score[:, f : f + 1]
        identity = FrozenEstimator(Identity().fit(x, y[:, f]))
        # The sigmoid of scikit-learn stops early where scores hardly differ, so it gets them standardised.
        z = (x - x.mean()) / x.std()
        expected = CalibratedClassifierCV(identity, method=method).fit(z, y[:, f]).predict_proba(z)[:, 1]
        np.testing.assert_allclose(found[:, f], expected, atol=2e-3)


def test_probabilities_are_calibrated_and_keep_the_order(data: tuple[np.ndarray, np.ndarray]) -> None:
    score, y = data
    train, test = slice(0, 200), slice(200, 400)
    found = calibrate(
        score[test],
        validation_scores=score[train],
        validation_labels=y[train],
        findings=["A", "B"],
        method="sigmoid",
    )
    assert ece(y[test, 0], found[:, 0]) < 0.1
    assert roc_auc_score(y[test, 0], found[:, 0]) == roc_auc_score(y[test, 0], score[test, 0])


def test_uncertain_and_missing_labels_do_not_count(data: tuple[np.ndarray, np.ndarray]) -> None:
    score, y = data
    keep = np.arange(400) % 3 > 0
    masked = np.where(keep[:, None], y, np.where(np.arange(400)[:, None] % 2, -1, np.nan))
    one, two = (
        calibrate(score, validation_scores=s, validation_labels=t, findings=["A", "B"], method="sigmoid")
        for s, t in ((score, masked), (score[keep], y[keep]))
    )
    np.testing.assert_allclose(one, two, atol=1e-9)


def test_refusals(data: tuple[np.ndarray, np.ndarray]) -> None:
    score, y = data
    with pytest.raises(DataError, match="finding 'B'"):
        calibrate(
            score,
            validation_scores=score,
            validation_labels=y * [1, 0],
            findings=["A", "B"],
            method="sigmoid",
        )
    with pytest.raises(ConfigError, match="isotonic"):
        as_method("platt")
