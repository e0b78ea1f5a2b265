"""Parts that probes share: scaling, patient-grouped folds, one-vs-rest AUC and the linear probe.

A probe asks what can be read from frozen embeddings, so it must be as strong as it reasonably can be: a weak
probe reports that information is gone when it is only hard to see.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from adfair.metrics.ranking import auc

_FLOOR = 1e-6
"""Smallest variance of a whitened direction, as a share of the mean: below it lies only float32 rounding."""

CANDIDATES = (
    *((False, c) for c in (1e-3, 1e-2, 1e-1)),
    *((True, c) for c in (1e-3, 1e-2, 1e-1, 1.0, 10.0)),
)
"""(whiten, C) searched by :func:`choose_linear`. Whitening makes a code in a direction of little variance as
easy to find as any other; without it the penalty trusts directions of large variance, which helps at large D.
"""


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation ([D]) of training embeddings, and the whitening ([D, D]) applied after."""

    mean: np.ndarray
    sd: np.ndarray
    whitening: np.ndarray

    def standardise(self, emb: np.ndarray) -> np.ndarray:
        """[N, D] -> float64 [N, D] with training mean 0 and variance 1; a constant column becomes 0."""
        return (emb.astype(np.float64) - self.mean) / self.sd


def fit_scaling(emb: np.ndarray) -> Scaling:
    """Scaling of training embeddings [N, D]; PCA whitening of the standardised columns."""
    x = emb.astype(np.float64)
    sd = x.std(axis=0)
    scaling = Scaling(x.mean(axis=0), np.where(sd > 1e-12, sd, 1.0), np.eye(x.shape[1]))
    z = scaling.standardise(emb)
    variance, directions = np.linalg.eigh(z.T @ z / len(z))
    floor = max(_FLOOR * variance.mean(), np.finfo(float).tiny)
    return Scaling(scaling.mean, scaling.sd, directions / np.sqrt(np.maximum(variance, floor)))


def patient_folds(codes: np.ndarray, patients: np.ndarray, *, folds: int, seed: int) -> np.ndarray:
    """Fold number int64 [N]: all images of a patient in one fold, groups spread evenly over folds.

    Args:
        codes: int [N], the group of each image; a patient counts as the group of their first image.
        patients: [N], patient ids.
    """
    _, first, unit = np.unique(patients, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(seed).permutation(first.size)
    order = shuffled[np.argsort(codes[first][shuffled], kind="stable")]
    fold = np.empty(first.size, np.int64)
    fold[order] = np.arange(first.size) % folds
    return fold[unit]


def log_odds(logits: np.ndarray) -> np.ndarray:
    """[N, K] logits -> float64 [N, K] log-odds of each class against the rest.

    They order images as softmax probabilities do, but do not saturate into ties near 0 and 1.
    """
    z = np.asarray(logits, dtype=np.float64)
    rest = [np.logaddexp.reduce(np.delete(z, k, axis=1), axis=1) for k in range(z.shape[1])]
    return z - np.column_stack(rest)


def macro_auc(codes: np.ndarray, scores: np.ndarray) -> float:
    """Mean over classes of the one-vs-rest AUC.

    Args:
        codes: int [N], 0 to K - 1.
        scores: [N, K], column k high for class k. With K = 2 and log-odds both AUCs are equal.

    Returns:
        A number in [0, 1], chance .5; NaN when a class is absent.

    Source: scikit-learn's ``roc_auc_score(multi_class="ovr", average="macro")``.
    """
    return float(np.mean([auc((codes == k).astype(int), scores[:, k]) for k in range(scores.shape[1])]))


@dataclass(frozen=True)
class LinearProbe:
    """A logistic regression on standardised embeddings: ``coef`` [D, K], ``intercept`` [K], its setting."""

    coef: np.ndarray
    intercept: np.ndarray
    whiten: bool
    c: float

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Logits [N, K] of standardised embeddings [N, D]."""
        return x @ self.coef + self.intercept


def fit_linear(x: np.ndarray, codes: np.ndarray, *, scaling: Scaling, whiten: bool, c: float) -> LinearProbe:
    """L2 logistic regression, classes weighted equally; the penalty acts on whitened columns if ``whiten``.

    Args:
        x: float64 [N, D], standardised by ``scaling``.
        codes: int [N], every class 0 to K - 1 present.
        c: inverse of the penalty's strength, as in scikit-learn.
    """
    basis = scaling.whitening if whiten else np.eye(x.shape[1])
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=1000)
    model.fit(x @ basis if whiten else x, codes)
    coef, intercept = basis @ model.coef_.T, model.intercept_
    if coef.shape[1] == 1:
        coef, intercept = np.hstack([-coef, coef]) / 2, np.array([-0.5, 0.5]) * intercept
    return LinearProbe(coef, intercept, whiten, c)


def choose_linear(x: np.ndarray, codes: np.ndarray, fold: np.ndarray, *, scaling: Scaling) -> LinearProbe:
    """The setting of :data:`CANDIDATES` with the best mean held-out AUC over folds, refitted on all rows."""

    def held_out(whiten: bool, c: float) -> float:
        values = []
        for f in np.unique(fold):
            out = fold == f
            probe = fit_linear(x[~out], codes[~out], scaling=scaling, whiten=whiten, c=c)
            values.append(macro_auc(codes[out], log_odds(probe.logits(x[out]))))
        return float(np.mean(values))

    # Ties go to the first, the most strongly penalised.
    whiten, c = max(CANDIDATES, key=lambda candidate: held_out(*candidate))
    return fit_linear(x, codes, scaling=scaling, whiten=whiten, c=c)
