import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from adfair.evaluation.logistic_path import DualPath, PrimalPath
from adfair.evaluation.penalty_search import PENALTIES

D = 40


def problem(n: int, seed: int, signal: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 3 == 0).astype(int)
    x = rng.standard_normal((n, D))
    x[:, 0] += signal * y
    return (x / np.sqrt(D)).astype(np.float32), y


def exact(x: np.ndarray, y: np.ndarray, c: float) -> LogisticRegression:
    return LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(x.astype(float), y)


@pytest.mark.parametrize("c", PENALTIES)
def test_the_optimum_is_scikit_learn_s_for_findings_of_different_sizes(c: float) -> None:
    # From two rows, which any plane parts, to more rows than dimensions, with one row three times.
    problems = [problem(2, 0), problem(9, 1, 5.0), problem(60, 2), problem(60, 3, 0.0)]
    problems[1][0][3] = problems[1][0][4] = problems[1][0][5]
    path = DualPath([x for x, _ in problems], [y for _, y in problems])
    coef, intercept = path.fit(c, np.arange(4))
    for k, (x, y) in enumerate(problems):
        model = exact(x, y, c)
        np.testing.assert_allclose(coef[k], model.coef_[0], atol=1e-6 * (1 + np.abs(coef[k]).max()))
        assert intercept[k] == pytest.approx(model.intercept_[0], abs=1e-6)


def test_a_warm_start_ends_where_a_cold_one_does_even_from_far() -> None:
    x, y = zip(*(problem(30, seed) for seed in range(3)), strict=True)
    path = DualPath(x, y)
    for c in (1e3, 1e-3, 1e6):  # the wrong way round, and by leaps
        warm = path.fit(c, np.array([2, 0]))
        cold = DualPath(x, y).fit(c, np.array([2, 0]))
        for one, two in zip(warm, cold, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-9)
    assert not path.dual[1].any(), "it was not asked for"


def test_few_and_many_rows_agree() -> None:
    x, y = problem(60, 4)
    dual, primal = DualPath([x], [y]), PrimalPath(x.astype(float), y)
    primal.model.set_params(tol=1e-10)
    for c in (0.1, 10.0):
        for one, two in zip(dual.fit(c, np.array([0])), primal.fit(c, np.array([0])), strict=True):
            np.testing.assert_allclose(one, two, atol=1e-4)
