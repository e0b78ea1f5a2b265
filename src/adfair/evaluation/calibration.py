"""Scores made into probabilities by what validation images show; scores stay raw unless this is asked for."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from adfair.errors import ConfigError, DataError

Method = Literal["none", "sigmoid", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)
Curve = Callable[[np.ndarray], np.ndarray]


def as_method(name: str) -> Method:
    """Check a name. Raises ConfigError."""
    for method in METHODS:
        if name == method:
            return method
    raise ConfigError(f"calibrate '{name}': choose one of {', '.join(METHODS)}")


def calibrate(
    scores: np.ndarray,
    *,
    validation_scores: np.ndarray,
    validation_labels: np.ndarray,
    findings: Sequence[str],
    method: Method,
) -> np.ndarray:
    """Probabilities [N, F] from scores [N, F] by curves fitted on validation images, one a finding.

    Args:
        validation_scores, validation_labels: [V, F]; labels other than 0 and 1 are left out.
        method: ``sigmoid`` keeps the order of images (and reverses it where it is wrong on validation images);
            ``isotonic`` follows any rising curve, and makes ties.

    Raises:
        DataError: a finding lacks a positive or a negative among the validation images.
    """
    columns = []
    for f, finding in enumerate(findings):
        known = np.isin(validation_labels[:, f], (0, 1))
        y = validation_labels[known, f].astype(int)
        if np.unique(y).size < 2:
            raise DataError(
                f"finding '{finding}': the validation split lacks a positive or a negative, so its scores cannot be "
                "calibrated. Leave --calibrate out, or take a larger --validation split"
            )
        fit = _sigmoid if method == "sigmoid" else _isotonic
        columns.append(fit(validation_scores[known, f], y)(scores[:, f]))
    return np.stack(columns, axis=1)


def _sigmoid(score: np.ndarray, y: np.ndarray) -> Curve:
    """Platt's sigmoid with his softened targets. Source: Platt 1999; the same as scikit-learn's ``sigmoid``."""
    positives = int(y.sum())
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2))
    middle, spread = score.mean(), max(float(score.std()), np.finfo(float).tiny)
    z = ((score - middle) / spread)[:, None]
    # A row with target t is a positive of weight t and a negative of weight 1 - t.
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    model.fit(
        np.concatenate([z, z]),
        np.repeat([1, 0], len(y)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return lambda s: model.predict_proba(((s - middle) / spread)[:, None])[:, 1]


def _isotonic(score: np.ndarray, y: np.ndarray) -> Curve:
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(score, y)
    return lambda s: np.asarray(model.predict(s))
