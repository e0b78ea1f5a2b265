"""How much a set of findings tells about a group: a cross-fitted gain in nats."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

FOLDS = 5
FEWEST = 20
"""Patients a group needs to be asked about (our choice): four in each fold."""


@dataclass(frozen=True)
class Dependence:
    """What knowing the findings gains when the group is guessed.

    Attributes:
        gain: mean over patients of log p(group | findings) - log p(group) on patients that neither was fitted on,
            nats. At or below zero where findings tell nothing: an honest guess of nothing costs a little.
        standard_error: of ``gain``, over patients.
        entropy: of the group, nats; the most that there is to gain.
        patients: how many were used.
        reason: why the figures are undefined (NaN), or empty.
    """

    gain: float
    standard_error: float
    entropy: float
    patients: int
    reason: str = ""

    @property
    def share(self) -> float:
        """Gain as a share of the entropy, from 0 to 1; NaN where undefined."""
        return max(0.0, self.gain) / self.entropy if self.entropy > 0 else float("nan")


def dependence(
    codes: np.ndarray, findings: np.ndarray, *, patients: np.ndarray, seed: int = 0, folds: int = FOLDS
) -> Dependence:
    """Cross-fitted gain in predicting the group from the findings by multinomial logistic regression.

    Args:
        codes: int [N], group of each image, -1 unknown; unknown rows and groups of fewer than :data:`FEWEST`
            patients are left out.
        findings: [N, F] of 1 and 0.
        patients: [N] ids; folds are of patients, and images of a patient count together.
        seed: of the folds.

    Source: the estimator is a held-out lower bound of the mutual information, as in Belghazi et al. 2018 and in
    cross-entropy probing (Pimentel et al. 2020); folds by patient and the logistic model are our choice.
    """
    kept = _usable(codes, patients)
    codes, y, patients = codes[kept], (findings[kept] == 1).astype(np.int8), patients[kept]
    groups, code = np.unique(codes, return_inverse=True)
    patient = np.unique(patients, return_inverse=True)[1].ravel()
    n = int(patient.max()) + 1 if len(patient) else 0
    if len(groups) < 2:
        return Dependence(np.nan, np.nan, np.nan, n, f"fewer than two groups with {FEWEST} patients")
    shares = np.bincount(code) / len(code)
    entropy = float(-(shares * np.log(shares)).sum())
    if y.shape[1] == 0 or (y == y[0]).all():
        return Dependence(np.nan, np.nan, entropy, n, "no finding varies")
    gained = _held_out(code, y, _dealt(patient, seed, folds), folds)[np.arange(len(code)), code]
    total, images = np.bincount(patient, gained), np.bincount(patient)
    gain = gained.mean()
    # A ratio of sums over patients: its error by linearisation.
    error = np.sqrt(((total - gain * images) ** 2).sum() * n / max(1, n - 1)) / images.sum()
    return Dependence(float(gain), float(error), entropy, n)


def _usable(codes: np.ndarray, patients: np.ndarray) -> np.ndarray:
    kept = codes >= 0
    for group in np.unique(codes[kept]):
        if len(np.unique(patients[codes == group])) < FEWEST:
            kept &= codes != group
    return kept


def _dealt(patient: np.ndarray, seed: int, folds: int) -> np.ndarray:
    """The fold of each row [N], drawn by patient (int [N], numbered from 0)."""
    return np.random.default_rng(seed).permutation(int(patient.max()) + 1)[patient] % folds


def _held_out(code: np.ndarray, y: np.ndarray, fold: np.ndarray, folds: int) -> np.ndarray:
    """log p(group | findings) - log p(group) of every row and group, both fitted on the other folds: [N, K].

    Rows of code -1 are fitted on by nobody, and are told all the same.
    """
    patterns, which = np.unique(y, axis=0, return_inverse=True)
    which, k, p, known = which.ravel(), int(code.max()) + 1, len(patterns), code >= 0
    # Rows of one pattern and group are alike to the model: counted once, however long the cohort.
    place = ((fold * p + which) * k + code)[known]
    counts = np.bincount(place, minlength=folds * p * k).reshape(folds, p, k)
    ratios = np.empty((len(code), k))
    for held in range(folds):
        seen = counts.sum(0) - counts[held]
        cell, group = np.nonzero(seen)
        model = LogisticRegression(max_iter=500)
        model.fit(patterns[cell], group, sample_weight=seen[cell, group])
        conditional = np.full((p, k), np.nan)
        conditional[:, model.classes_] = model.predict_log_proba(patterns)
        marginal = np.log(seen.sum(0) / seen.sum())
        rows = fold == held
        ratios[rows] = (conditional - marginal)[which[rows]]
    assert np.isfinite(ratios).all(), "every group is in every fold"
    return ratios


def group_log_ratios(
    codes: np.ndarray, findings: np.ndarray, *, patients: np.ndarray, seed: int = 0, folds: int = FOLDS
) -> np.ndarray:
    """What each row's findings say about every group: float64 [N, K], log p(group | findings) - log p(group).

    Fitted as in :func:`dependence`, on other patients than the row's own. Rows of unknown group are told too, and
    fitted on by nobody. A group of fewer than :data:`FEWEST` patients, and everything where fewer than two groups
    are larger or no finding varies, is told nothing: 0.

    Args:
        codes, findings, patients, seed, folds: as in :func:`dependence`; K is the largest code plus 1, at least 1.
    """
    ratios = np.zeros((len(codes), max(0, int(codes.max(initial=-1))) + 1))
    usable, y = _usable(codes, patients), (findings == 1).astype(np.int8)
    groups = np.unique(codes[usable])
    if len(groups) < 2 or y.shape[1] == 0 or (y == y[0]).all():
        return ratios
    code = np.where(usable, np.searchsorted(groups, codes), -1)
    patient = np.unique(patients, return_inverse=True)[1].ravel()
    ratios[:, groups] = _held_out(code, y, _dealt(patient, seed, folds), folds)
    return ratios
