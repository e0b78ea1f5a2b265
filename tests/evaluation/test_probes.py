import numpy as np
import pytest

from adfair.evaluation.probes import fit_scaling, log_odds


def test_log_odds_do_not_tie_where_probabilities_saturate() -> None:
    odds = log_odds(np.array([[60.0, 0.0], [70.0, 0.0]]))
    assert odds[1, 0] - odds[0, 0] == pytest.approx(10.0)


def test_whitening_decorrelates_and_survives_a_constant_column() -> None:
    rng = np.random.default_rng(0)
    emb = rng.standard_normal((500, 3)) @ np.array([[1, 0.9, 0], [0, 0.1, 0], [0, 0, 1e-3]])
    emb = np.column_stack([emb, np.full(500, 2.0)])
    scaling = fit_scaling(emb)
    z = scaling.standardise(emb) @ scaling.whitening
    assert np.isfinite(z).all()
    assert np.allclose((z.T @ z / 500)[1:, 1:], np.eye(3), atol=1e-6)
