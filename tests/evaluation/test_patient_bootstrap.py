import numpy as np

from adfair.evaluation.patient_bootstrap import bootstrap_auc, mean_interval


def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    return y, (y + rng.standard_normal(200))[:, None], np.arange(200) // 2


def test_columns_share_their_resamples_and_seeds_repeat() -> None:
    y, scores, patients = table()
    both = bootstrap_auc(y, np.hstack([scores, scores]), patients=patients, replicates=50, seed=3)
    assert both.shape == (50, 2)
    assert np.array_equal(both[:, 0], both[:, 1])
    again = bootstrap_auc(y, scores, patients=patients, replicates=50, seed=3)
    assert np.array_equal(both[:, 0], again[:, 0])


def test_a_resample_without_a_class_is_nan_and_no_replicates_give_no_interval() -> None:
    aucs = bootstrap_auc(
        np.array([1, 0]), np.array([[0.9], [0.1]]), patients=np.array([0, 1]), replicates=64, seed=0
    )
    assert np.isnan(aucs).any()
    assert np.nanmin(aucs) == 1.0
    assert np.isnan(mean_interval(np.empty((0, 1)), level=0.95)).all()
