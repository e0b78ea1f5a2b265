"""Logistic regressions of few rows over a path of penalties, many findings at a time.

With fewer rows than dimensions the optimum lies in the span of the rows, so Newton's method needs their [n, n]
products only; findings are solved side by side. It ends at the optimum to rounding, where L-BFGS stops at a tolerance.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

SMALL = 128
"""Rows up to which Newton's method on their products is the quicker one."""
_CONVERGED, _STEPS = 1e-9, 200


class DualPath:
    """L2 logistic regressions of findings with few rows each, warm from one C to the next.

    Minimises C sum log(1 + exp(-s f)) + |w|^2 / 2 with f = w x + b and b free, as scikit-learn does.

    Args:
        x: per finding, float [n, D]; n may differ. y: per finding, 0 or 1 [n], both present.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), algorithm 3.1 (the stable
    form of Newton's step), with a free intercept: the dual coefficients sum to 0.
    """

    def __init__(self, x: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> None:
        shape = (len(x), max(len(rows) for rows in x))
        self.x, self.y, self.real = (np.zeros((*shape, x[0].shape[1])), np.zeros(shape), np.zeros(shape))
        for k, (rows, labels) in enumerate(zip(x, y, strict=True)):
            self.x[k, : len(rows)], self.y[k, : len(rows)], self.real[k, : len(rows)] = rows, labels, 1.0
        self.products = self.x @ self.x.transpose(0, 2, 1)
        self.dual, self.bias = np.zeros(shape), np.zeros(len(x))

    def fit(self, c: float, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients [n, D] and intercepts [n] of the findings ``which`` (int [n]) at this C."""
        state = self.dual[which], self.bias[which]
        parts = self.products[which], self.y[which], self.real[which]
        for _ in range(_STEPS):
            dual, bias = _newton(*parts, *state, c)
            change = parts[0] @ (dual - state[0])[..., None]
            moved = np.abs(change[..., 0] + (bias - state[1])[:, None]) * parts[2]
            state = _no_worse(*parts, state, (dual, bias), c)
            if moved.max() < _CONVERGED:
                break
        self.dual[which], self.bias[which] = state
        return np.einsum("kn,knd->kd", state[0], self.x[which]), state[1]


def _newton(
    products: np.ndarray, y: np.ndarray, real: np.ndarray, dual: np.ndarray, bias: np.ndarray, c: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where one whole step of Newton's method leads; rows that are not ``real`` are padding."""
    f = _times(products, dual) + bias[:, None]
    p = expit(f)
    curvature = np.maximum(c * p * (1.0 - p), 1e-12) * real
    root = np.sqrt(curvature)
    inner = root[:, :, None] * products * root[:, None, :]
    inner[:, np.arange(y.shape[1]), np.arange(y.shape[1])] += 1.0
    sides = np.stack([curvature * f + c * (y - p) * real, curvature], axis=-1)
    solved = np.linalg.solve(inner, root[..., None] * (products @ sides))
    target, unit = np.moveaxis(sides - root[..., None] * solved, -1, 0)
    moved = target.sum(axis=1) / unit.sum(axis=1)
    return target - moved[:, None] * unit, moved


def _no_worse(
    products: np.ndarray,
    y: np.ndarray,
    real: np.ndarray,
    old: tuple[np.ndarray, np.ndarray],
    new: tuple[np.ndarray, np.ndarray],
    c: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The step, halved for the findings that it would lead uphill: far from the optimum Newton's may."""
    share = np.ones(len(y))

    def at(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return old[0] + share[:, None] * (new[0] - old[0]), old[1] + share * (new[1] - old[1])

    def cost(dual: np.ndarray, bias: np.ndarray) -> np.ndarray:
        f = _times(products, dual)
        loss = (np.logaddexp(0.0, f + bias[:, None]) - y * (f + bias[:, None])) * real
        return c * loss.sum(axis=1) + 0.5 * (dual * f).sum(axis=1)

    before = cost(*old)
    for _ in range(30):
        worse = cost(*at(share)) > before + 1e-12 * np.abs(before)
        if not worse.any():
            break
        share = np.where(worse, share / 2, share)
    return at(share)


def _times(products: np.ndarray, dual: np.ndarray) -> np.ndarray:
    return (products @ dual[..., None])[..., 0]


class PrimalPath:
    """The same for one finding with many rows, by scikit-learn."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = x, y
        self.model = LogisticRegression(max_iter=500, warm_start=True)

    def fit(self, c: float, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients [1, D] and intercept [1]; there is one finding, so ``which`` is 0."""
        assert which.tolist() == [0]
        model = self.model.set_params(C=c).fit(self.x, self.y)
        return model.coef_, model.intercept_
