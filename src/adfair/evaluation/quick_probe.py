"""A probe that costs milliseconds: for looking at leakage during training, not for reporting it.

Ridge regression of the groups on whitened embeddings and random rectified products of them, out of patient-grouped
folds. It reads lines and curves, has no search and no random state of its own, and needs no torch (our choice).
Reported figures come from ``adfair.evaluation.leakage``, whose probes are stronger and slower.
"""

import numpy as np

from adfair.evaluation.probes import Scaling, fit_scaling, patient_folds
from adfair.metrics.intervals import defined_mean
from adfair.metrics.stratified import stratified_auc

FOLDS, FEATURES, RIDGE = 3, 256, 30.0
FEWEST = 10
"""Patients of a group without which nothing is said of it (our choice)."""


def quick_leakage(
    emb: np.ndarray,
    codes: np.ndarray,
    patients: np.ndarray,
    *,
    strata: np.ndarray | None = None,
    seed: int = 0,
) -> float:
    """Macro one-vs-rest AUC of reading groups from embeddings, out of fold; chance is .5.

    Args:
        emb: float [N, D]. codes: int [N], -1 unknown, left out. patients: [N] ids, kept within a fold.
        strata: [N]; pairs are then compared within a stratum only, so that what the strata (say, patterns of
            findings) tell about the group counts for nothing.

    Returns:
        The mean over folds and groups in which it is defined; NaN where it is in none. Groups of fewer than ``FEWEST``
        patients are left out.
    """
    known = (codes >= 0) & ~_rare(codes, patients)
    emb, codes, patients = emb[known], codes[known], patients[known]
    strata = np.zeros(len(codes), np.int64) if strata is None else strata[known]
    if len(codes) < 2 * FOLDS or len(np.unique(codes)) < 2:
        return float("nan")
    codes = np.unique(codes, return_inverse=True)[1]
    fold = patient_folds(codes, patients, folds=FOLDS, seed=seed)
    x = _features(fit_scaling(emb), emb, seed=seed)
    held_out = []
    for f in range(FOLDS):
        out = fold == f
        scores = x[out] @ _ridge(x[~out], codes[~out])
        held_out.append(_macro_auc(codes[out], scores, strata[out]))
    return float(defined_mean(np.array(held_out)))


def _rare(codes: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Which rows [N] are of a group of few patients."""
    pairs = np.unique(np.stack([codes, np.unique(patients, return_inverse=True)[1]]), axis=1)
    groups, sizes = np.unique(pairs[0], return_counts=True)
    return np.isin(codes, groups[sizes < FEWEST])


def _features(scaling: Scaling, emb: np.ndarray, *, seed: int) -> np.ndarray:
    white = scaling.standardise(emb) @ scaling.whitening
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal((white.shape[1], FEATURES)) / np.sqrt(white.shape[1])
    bent = np.maximum(white @ direction + rng.standard_normal(FEATURES), 0)
    return np.column_stack([np.ones(len(white)), white, bent - bent.mean(0)])


def _ridge(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    target = (codes[:, None] == np.arange(codes.max() + 1)).astype(float)
    weight = (target / target.sum(0)).sum(1, keepdims=True) * len(codes) / target.shape[1]
    penalty = RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 1e-9  # the constant is not shrunk
    return np.linalg.solve((x * weight).T @ x + penalty, (x * weight).T @ target)


def _macro_auc(codes: np.ndarray, scores: np.ndarray, strata: np.ndarray) -> float:
    aucs = [stratified_auc(codes == k, scores[:, k], strata) for k in range(scores.shape[1])]
    return float(defined_mean(np.array(aucs)))
