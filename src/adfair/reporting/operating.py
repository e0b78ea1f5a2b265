"""What a model does to each group at every threshold: the numbers behind the curves and the slider."""

from dataclasses import dataclass

import numpy as np

from adfair.auditing.attributes import UNKNOWN
from adfair.auditing.predictions import Predictions
from adfair.metrics.calibration import calibration_curve, is_probability

POINTS = 101
"""Thresholds a curve is thinned to (our choice: a picture shows no more)."""


@dataclass(frozen=True)
class Operating:
    """One finding and attribute at T thresholds, for G groups.

    Attributes:
        cutoffs: [T], descending; an image is flagged when its score is at least the cut-off.
        tpr, fpr: [G, T], NaN for a group without positives or negatives.
        positives, negatives: [G], rows in each group.
        calibration: per group, [B, 3] of count, mean score and share positive; empty when scores are no probabilities.
    """

    groups: tuple[str, ...]
    cutoffs: np.ndarray
    tpr: np.ndarray
    fpr: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    calibration: tuple[np.ndarray, ...]


def cutoffs(
    label: np.ndarray, score: np.ndarray, *, points: int = POINTS, keep: float | None = None
) -> np.ndarray:
    """Up to ``points`` scores, descending, as dense among positives as among negatives; both ends are kept.

    Quantiles of the two classes are pooled, so that a rare class keeps its steps (our choice). ``keep`` is one of the
    cut-offs, whether it is a score or not: at the threshold of a run the rates are then those of its table.
    """
    share = np.linspace(0, 1, points // 2 + 1)
    parts = [np.quantile(score[label == k], share, method="lower") for k in (0, 1) if (label == k).any()]
    if not parts:
        return np.empty(0)
    pooled = np.unique(np.concatenate(parts))
    scores = points if keep is None else points - 1
    kept = np.unique(np.linspace(0, len(pooled) - 1, min(scores, len(pooled))).round().astype(int))
    return np.union1d(pooled[kept], [] if keep is None else [keep])[::-1]


def rates_at(score: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Share of ``score`` at or above each of ``at`` [T]; NaN without scores."""
    if not score.size:
        return np.full(at.shape, np.nan)
    below = np.searchsorted(np.sort(score), at, side="left")
    return 1 - below / score.size


def operating(
    predictions: Predictions,
    finding: str,
    attribute: str,
    *,
    points: int = POINTS,
    keep: float | None = None,
) -> Operating:
    """Rates and calibration of one finding by the groups of one attribute, the unknown group last if any.

    ``points`` and ``keep`` are those of ``cutoffs``.
    """
    column = predictions.findings.index(finding)
    groups = next(a for a in predictions.attributes if a.name == attribute)
    label, score = predictions.labels[:, column], predictions.scores[:, column]
    known = (label >= 0) & np.isfinite(score)
    label, score, codes = label[known], score[known], groups.codes[known]
    at = cutoffs(label, score, points=points, keep=keep)
    wanted = [(name, codes == i) for i, name in enumerate(groups.groups)]
    wanted += [(UNKNOWN, codes < 0)] if (codes < 0).any() else []
    sides = [[score[members & (label == k)] for k in (1, 0)] for _, members in wanted]
    probability = is_probability(score)
    empty = np.empty((0, 3))
    return Operating(
        groups=tuple(name for name, _ in wanted),
        cutoffs=at,
        tpr=np.array([rates_at(positive, at) for positive, _ in sides]),
        fpr=np.array([rates_at(negative, at) for _, negative in sides]),
        positives=np.array([len(positive) for positive, _ in sides]),
        negatives=np.array([len(negative) for _, negative in sides]),
        calibration=tuple(
            calibration_curve(label[m], score[m]) if probability and m.any() else empty for _, m in wanted
        ),
    )
