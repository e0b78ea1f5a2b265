"""DeLong's and Obuchowski's variances."""

import numpy as np
import pytest

from adfair.metrics import auc
from adfair.metrics.delong import auc_components, auc_covariance, difference_variance


def plain_delong(y: np.ndarray, scores: list[np.ndarray]) -> np.ndarray:
    """The covariance matrix straight from the definition of DeLong et al. (1988), pair by pair."""
    v10, v01 = [], []
    for s in scores:
        d = s[y == 1][:, None] - s[y == 0][None, :]
        psi = (d > 0) + 0.5 * (d == 0)
        v10.append(psi.mean(axis=1))
        v01.append(psi.mean(axis=0))
    return np.cov(v10) / (y == 1).sum() + np.cov(v01) / (y == 0).sum()


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 150)
    shared = rng.normal(size=150)
    return y, np.round(y + shared, 1), np.round(0.5 * y + shared + rng.normal(size=150), 1)


def test_one_row_a_patient_is_delong(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    y, a, b = case
    one, two = auc_components(y, a), auc_components(y, b)
    assert one.auc == pytest.approx(auc(y, a), abs=1e-14)
    got = [[auc_covariance(p, q) for p in (one, two)] for q in (one, two)]
    np.testing.assert_allclose(got, plain_delong(y, [a, b]), atol=1e-14)
    expected = got[0][0] + got[1][1] - 2 * got[0][1]
    assert difference_variance(one, two) == pytest.approx(expected, abs=1e-15)
    assert difference_variance(one, one) == pytest.approx(0, abs=1e-15)


def test_copies_of_a_row_in_its_patient_add_no_information(
    case: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    y, a, _ = case
    patient = np.arange(y.size)
    once = auc_components(y, a, patient=patient)
    thrice = auc_components(np.tile(y, 3), np.tile(a, 3), patient=np.tile(patient, 3))
    assert auc_covariance(thrice, thrice) == pytest.approx(auc_covariance(once, once), rel=1e-12)
    as_rows = auc_components(np.tile(y, 3), np.tile(a, 3))
    assert auc_covariance(as_rows, as_rows) < 0.4 * auc_covariance(once, once)


def test_groups_without_a_patient_in_common_are_independent() -> None:
    rng = np.random.default_rng(1)
    y, s, patient = rng.integers(0, 2, 80), rng.normal(size=80), np.arange(80)
    one = auc_components(y[:40], s[:40], patient=patient[:40], patients=80)
    two = auc_components(y[40:], s[40:], patient=patient[40:], patients=80)
    assert auc_covariance(one, two) == 0


def test_clustered_variance_matches_simulation() -> None:
    rng = np.random.default_rng(2)
    aucs, variances = [], []
    for _ in range(400):
        patient = np.repeat(np.arange(80), 3)
        y = (rng.random(240) < rng.beta(1, 2, 80)[patient]).astype(int)
        s = 0.8 * y + rng.normal(size=80)[patient] + rng.normal(size=240)
        parts = auc_components(y, s, patient=patient)
        aucs.append(parts.auc)
        variances.append(auc_covariance(parts, parts))
    assert np.mean(variances) == pytest.approx(np.var(aucs), rel=0.15)
