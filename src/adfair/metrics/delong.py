"""Variance of AUCs without resampling: DeLong's, and Obuchowski's when a patient has several rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class AucComponents:
    """An AUC and what each patient contributes to it.

    ``positive`` [P]: sum over the patient's positives of (share of negatives below, ties half) - auc;
    ``negative`` [P]: the same for negatives with the share of positives above; ``n_positive`` and
    ``n_negative`` [P] count the patient's rows.
    """

    auc: float
    positive: np.ndarray
    negative: np.ndarray
    n_positive: np.ndarray
    n_negative: np.ndarray


def auc_components(
    y_true: ArrayLike, score: ArrayLike, *, patient: ArrayLike | None = None, patients: int | None = None
) -> AucComponents:
    """Structural components of an AUC in O(N log N).

    Args:
        y_true, score: [N], 0/1 labels with both classes present, and scores.
        patient: [N], integers 0 to patients - 1; each row is its own patient when absent.

    Source: Sun and Xu, IEEE Signal Processing Letters 21 (2014), for the rank form; Obuchowski, Biometrics 53
    (1997), for the sums by cluster.
    """
    y, s = np.asarray(y_true).astype(bool), np.asarray(score, dtype=float)
    unit = np.arange(y.size) if patient is None else np.asarray(patient, dtype=np.int64)
    size = int(unit.max()) + 1 if patients is None else patients
    positive, negative = np.sort(s[y]), np.sort(s[~y])
    above = 1.0 - _share_below(positive, s[~y])
    below = _share_below(negative, s[y])
    value = float(below.mean())
    return AucComponents(
        value,
        np.bincount(unit[y], below - value, minlength=size),
        np.bincount(unit[~y], above - value, minlength=size),
        np.bincount(unit[y], minlength=size),
        np.bincount(unit[~y], minlength=size),
    )


def auc_covariance(a: AucComponents, b: AucComponents) -> float:
    """Covariance of two AUCs over the same patients (two models, or two groups); variance when a is b.

    With one row a patient this is DeLong's estimate exactly. Needs two patients in each class.
    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); Obuchowski (1997), equation 3.
    """
    m, n = float(a.n_positive.sum()), float(a.n_negative.sum())
    k, j = float(b.n_positive.sum()), float(b.n_negative.sum())
    both = a.n_positive + a.n_negative > 0
    same = _small_sample(a.n_positive > 0) * (a.positive @ b.positive) / (m * k)
    same += _small_sample(a.n_negative > 0) * (a.negative @ b.negative) / (n * j)
    crossed = (a.positive @ b.negative) / (m * j) + (a.negative @ b.positive) / (n * k)
    return float(same + _small_sample(both) * crossed)


def difference_variance(a: AucComponents, b: AucComponents) -> float:
    """Variance of a.auc - b.auc."""
    return max(auc_covariance(a, a) + auc_covariance(b, b) - 2 * auc_covariance(a, b), 0.0)


def _small_sample(members: np.ndarray) -> float:
    count = int(members.sum())
    return count / (count - 1) if count > 1 else float("nan")


def _share_below(ascending: np.ndarray, values: np.ndarray) -> np.ndarray:
    left = np.searchsorted(ascending, values, side="left")
    right = np.searchsorted(ascending, values, side="right")
    return (left + right) / (2.0 * ascending.size)
