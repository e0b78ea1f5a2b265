"""Linear probes of findings: what a few labelled images, or all of them, let a logistic regression read."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from adfair.evaluation.patient_bootstrap import bootstrap_auc, mean_interval
from adfair.evaluation.probes import CANDIDATES, Scaling, fit_linear, fit_scaling
from adfair.metrics.ranking import auc

FEW_SHOT_C = 6.0
"""Inverse penalty for few shots, on standardised columns divided by sqrt(D): rows of length about 1.

Fixed because 2 x 16 images leave nothing to validate on. On Gaussian findings in 64 dimensions it is within
.006 AUC of the best of eight decades, whether the findings lie in directions of large or of any variance.
"""

_NAN = float("nan")


@dataclass(frozen=True)
class FindingProbe:
    """The probe of one finding: AUC in [0, 1] over test images labelled 1 or 0, mean over draws.

    ``scores``: float64 [draws, M], logits of every test image; ``aucs``: [draws]. An undefined value is NaN
    with its reason in ``note``.
    """

    finding: str
    metric: str
    n: int
    n_positive: int
    value: float = _NAN
    ci: tuple[float, float] = (_NAN, _NAN)
    note: str = ""
    aucs: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    scores: np.ndarray | None = field(default=None, repr=False, compare=False)

    def row(self) -> dict[str, Any]:
        """One tidy row, named as in ``metrics.csv``."""
        return {
            "metric": self.metric,
            "finding": self.finding,
            "value": self.value,
            "ci_low": self.ci[0],
            "ci_high": self.ci[1],
            "expected_by_chance": 0.5,
            "n": self.n,
            "n_positive": self.n_positive,
            "note": "; ".join(filter(None, [self.note, self._draws()])),
        }

    def _draws(self) -> str:
        """What the interval leaves out."""
        if len(self.aucs) < 2:
            return ""
        return f"interval for these {len(self.aucs)} draws of images; standard deviation {self.aucs.std():.4f} over draws"


def few_shot_auc(
    train_emb: np.ndarray,
    train_labels: np.ndarray,
    test_emb: np.ndarray,
    test_labels: np.ndarray,
    *,
    findings: list[str],
    shots: int = 16,
    draws: int = 10,
    train_patients: np.ndarray | None = None,
    test_patients: np.ndarray | None = None,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> list[FindingProbe]:
    """Logistic regression on ``shots`` positives and ``shots`` negatives; test AUC, mean over draws.

    Columns are standardised by the whole training pool, which needs no labels; C is :data:`FEW_SHOT_C`.

    Args:
        train_emb, test_emb: float [N, D], [M, D].
        train_labels, test_labels: float [N, F], [M, F]; only 1 and 0 are used, -1 and NaN are left out.
        train_patients, test_patients: ids; a draw has at most one image a patient. Absent: one each.
        replicates: bootstrap resamples of test patients, the draws held fixed; 0 gives no interval.
        seed: of draws and resamples; the draws of a finding do not depend on the other findings asked for.

    Returns:
        One :class:`FindingProbe` a finding, metric ``few_shot_auc@SHOTS``.

    Source: the K-shot linear probe of Radford et al., CLIP (2021); penalty and scaling are our choice.
    """
    scaling = fit_scaling(train_emb)
    x, test_x = (scaling.standardise(e) / np.sqrt(e.shape[1]) for e in (train_emb, test_emb))
    patients = _ids(train_patients, len(x))

    def scores(f: int) -> np.ndarray | str:
        fits = []
        for draw in range(draws):
            rng = np.random.default_rng([seed, draw, *findings[f].encode()])
            rows = draw_shots(train_labels[:, f], patients, shots=shots, rng=rng)
            if rows is None:
                return f"fewer than {shots} patients to draw positives or negatives from"
            model = LogisticRegression(C=FEW_SHOT_C, max_iter=1000).fit(x[rows], train_labels[rows, f])
            fits.append(model.decision_function(test_x))
        return np.array(fits)

    resample = {"patients": _ids(test_patients, len(test_x)), "replicates": replicates, "seed": seed}
    return [
        _result(name, f"few_shot_auc@{shots}", test_labels[:, f], scores(f), level=level, resample=resample)
        for f, name in enumerate(findings)
    ]


def draw_shots(
    labels: np.ndarray, patients: np.ndarray, *, shots: int, rng: np.random.Generator
) -> np.ndarray | None:
    """Rows of ``shots`` positives then ``shots`` negatives, no patient twice; None if too few."""
    drawn: list[np.ndarray] = []
    used: np.ndarray = patients[:0]
    for value in (1, 0):
        rows = rng.permutation(np.flatnonzero((labels == value) & ~np.isin(patients, used)))
        _, first = np.unique(patients[rows], return_index=True)
        rows = rows[np.sort(first)][:shots]
        if len(rows) < shots:
            return None
        drawn.append(rows)
        used = patients[rows]
    return np.concatenate(drawn)


def linear_probe_auc(
    train_emb: np.ndarray,
    train_labels: np.ndarray,
    val_emb: np.ndarray,
    val_labels: np.ndarray,
    test_emb: np.ndarray,
    test_labels: np.ndarray,
    *,
    findings: list[str],
    test_patients: np.ndarray | None = None,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> list[FindingProbe]:
    """Logistic regression on every labelled training image, its penalty chosen by validation AUC.

    Args as in :func:`few_shot_auc`, with ``val_emb`` [V, D] and ``val_labels`` [V, F]. The chosen probe is
    not refitted on validation images (our choice), so that validation stays fit for choosing thresholds.

    Returns:
        One :class:`FindingProbe` a finding, metric ``linear_probe_auc``; scores [1, M].
    """
    scaling = fit_scaling(train_emb)
    x, val_x, test_x = (scaling.standardise(e) for e in (train_emb, val_emb, test_emb))

    def scores(f: int) -> np.ndarray | str:
        return _validated_scores((x, train_labels[:, f]), (val_x, val_labels[:, f]), test_x, scaling=scaling)

    resample = {"patients": _ids(test_patients, len(test_x)), "replicates": replicates, "seed": seed}
    return [
        _result(name, "linear_probe_auc", test_labels[:, f], scores(f), level=level, resample=resample)
        for f, name in enumerate(findings)
    ]


_Labelled = tuple[np.ndarray, np.ndarray]


def _validated_scores(
    train: _Labelled, val: _Labelled, test_x: np.ndarray, *, scaling: Scaling
) -> np.ndarray | str:
    (x, y), (val_x, val_y) = (
        (e[known], t[known].astype(int)) for e, t in (train, val) for known in [_known(t)]
    )
    for name, labels in (("train", y), ("val", val_y)):
        if np.unique(labels).size < 2:
            return f"the {name} split lacks a positive or a negative"
    probes = [fit_linear(x, y, scaling=scaling, whiten=whiten, c=c) for whiten, c in CANDIDATES]
    best = max(probes, key=lambda probe: auc(val_y, _margin(probe.logits(val_x))))
    return _margin(best.logits(test_x))[None]


def _margin(logits: np.ndarray) -> np.ndarray:
    return logits[:, 1] - logits[:, 0]


def _result(
    finding: str,
    metric: str,
    labels: np.ndarray,
    scores: np.ndarray | str,
    *,
    level: float,
    resample: dict[str, Any],
) -> FindingProbe:
    known = _known(labels)
    y = labels[known].astype(int)
    base: dict[str, Any] = {"finding": finding, "metric": metric, "n": len(y), "n_positive": int(y.sum())}
    if isinstance(scores, str):
        return FindingProbe(**base, note=scores)
    if np.unique(y).size < 2:
        return FindingProbe(**base, note="the test split lacks a positive or a negative", scores=scores)
    aucs = np.array([auc(y, s[known]) for s in scores])
    replicated = bootstrap_auc(y, scores[:, known].T, **{**resample, "patients": resample["patients"][known]})
    ci = mean_interval(replicated, level=level)
    return FindingProbe(**base, value=float(aucs.mean()), ci=ci, aucs=aucs, scores=scores)


def _known(labels: np.ndarray) -> np.ndarray:
    return (labels == 1) | (labels == 0)


def _ids(patients: np.ndarray | None, n: int) -> np.ndarray:
    return np.arange(n) if patients is None else np.asarray(patients)
