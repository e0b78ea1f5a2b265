import numpy as np

from adfair.evaluation.splits import Rows, Splits, standardised, validation


def test_columns_are_standardised_by_the_training_pool_alone() -> None:
    rng = np.random.default_rng(0)
    train, test = (Rows(rng.normal(2, 3, (500, 8)), np.zeros((500, 1)), np.zeros((500, 1))) for _ in range(2))
    train.emb[:, 3] = 7.0
    found = standardised(Splits(train, None, test))
    assert found.val is None
    np.testing.assert_allclose(found.train.emb.mean(axis=0), 0, atol=1e-6)
    spread = found.train.emb.std(axis=0) * np.sqrt(8)
    np.testing.assert_allclose(spread, [1, 1, 1, 0, 1, 1, 1, 1], atol=1e-6)
    shift, scale = train.emb[:, 0].mean(), train.emb[:, 0].std() * np.sqrt(8)
    np.testing.assert_allclose(found.test.emb[:, 0], (test.emb[:, 0] - shift) / scale, rtol=1e-5, atol=1e-6)


def test_validation_needs_both_labels() -> None:
    labels = np.array([[1, 1, 1], [-1, 0, np.nan], [0, 1, 1]])
    val = Rows(np.zeros((3, 2)), labels, labels)
    found = validation(val, 0)
    assert found is not None
    assert [each.tolist() for each in found] == [[0, 2], [1, 0]]
    assert validation(val, 2) is None
    assert validation(None, 0) is None
