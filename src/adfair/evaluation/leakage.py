"""Leakage: how well a sensitive attribute can be read from frozen image embeddings by freshly trained probes.

The adversary of training is not asked: an encoder often fools only its own adversary. Leakage is not
unfairness: an encoder trained without any bias may leak as much.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adfair.errors import DataError
from adfair.evaluation.mlp_probe import fit_mlp
from adfair.evaluation.patient_bootstrap import bootstrap_auc, mean_interval
from adfair.evaluation.probes import choose_linear, fit_scaling, log_odds, macro_auc, patient_folds
from adfair.metrics.stratified import stratified_auc

FOLDS = 3
"""Patient-grouped folds of the probe set: for the penalty, for stopping the network, and for its average."""

CHANCE = 0.5

_NAN = float("nan")
_Interval = tuple[float, float]


@dataclass(frozen=True)
class LeakageResult:
    """Leakage of one attribute: macro one-vs-rest test AUC, in [0, 1], of both probes and of the better one.

    An undefined figure is NaN and ``note`` has the reason. ``scores_*``: [n, K] log-odds of the test images
    of known group, in their order, so that the figures can be checked.
    """

    attribute: str
    groups: tuple[str, ...]
    n: int
    n_train: int
    n_unknown: int
    n_unknown_train: int
    auc_lr: float = _NAN
    auc_mlp: float = _NAN
    ci_lr: _Interval = (_NAN, _NAN)
    ci_mlp: _Interval = (_NAN, _NAN)
    auc_conditional: float = _NAN
    ci_conditional: _Interval = (_NAN, _NAN)
    note: str = ""
    scores_lr: np.ndarray | None = field(default=None, repr=False, compare=False)
    scores_mlp: np.ndarray | None = field(default=None, repr=False, compare=False)
    expected_by_chance: float = CHANCE
    conditional: bool = False

    @property
    def auc(self) -> float:
        """The larger of the two."""
        return self.auc_mlp if self.auc_mlp > self.auc_lr else self.auc_lr

    @property
    def ci(self) -> _Interval:
        """The interval of the probe with the larger AUC."""
        return self.ci_mlp if self.auc_mlp > self.auc_lr else self.ci_lr

    def _why(self, value: float) -> str:
        """Why a figure is undefined though the others are not: only the conditional one can be."""
        missing = np.isnan(value) and not np.isnan(self.auc)
        return "undefined: some group shares no pattern of findings with another" if missing else ""

    def rows(self) -> list[dict[str, Any]]:
        """Tidy rows, named as in ``metrics.csv``; the conditional one only where strata were given."""
        figures = {
            "leakage_auc_lr": (self.auc_lr, self.ci_lr),
            "leakage_auc_mlp": (self.auc_mlp, self.ci_mlp),
            "leakage_auc": (self.auc, self.ci),
        }
        if self.conditional:
            figures["leakage_auc_conditional"] = (self.auc_conditional, self.ci_conditional)
        left = f"{self.n_unknown:,} images of unknown group left out" if self.n_unknown else ""
        return [
            {
                "metric": metric,
                "attribute": self.attribute,
                "value": value,
                "ci_low": low,
                "ci_high": high,
                "expected_by_chance": self.expected_by_chance,
                "n": self.n,
                "note": "; ".join(filter(None, [self._why(value), self.note, left])),
            }
            for metric, (value, (low, high)) in figures.items()
        ]


def leakage(
    train_emb: np.ndarray,
    train_codes: np.ndarray,
    test_emb: np.ndarray,
    test_codes: np.ndarray,
    *,
    train_patients: np.ndarray,
    test_patients: np.ndarray,
    groups: list[str],
    attribute: str,
    test_strata: np.ndarray | None = None,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> LeakageResult:
    """Train a logistic regression and a network on one set of embeddings, measure their AUC on another.

    Balance both sets over groups and findings first; otherwise the probes may read findings instead.

    Args:
        train_emb, test_emb: float [N, D], [M, D]; standardised here by training statistics.
        train_codes, test_codes: int [N], [M]; index into ``groups``, -1 for unknown, left out and counted.
        train_patients, test_patients: [N], [M] ids; patients are kept together in folds and resamples.
        groups: the K group names.
        attribute: its name, for the result.
        test_strata: [M]; also compare test images within a stratum only, say a pattern of findings: what is then
            read of the attribute is not what findings predict. By the better probe.
        replicates: bootstrap resamples of test patients with the probes as trained; 0 gives no interval.
        level: of the interval.
        seed: of folds, networks and resamples. Global random states are neither read nor changed.

    Raises:
        DataError: a patient is in both sets, or an embedding is not finite.

    Source: the mean one-vs-rest AUC; probes, search and intervals are our choice.
    """
    _check(train_emb, test_emb, train_patients, test_patients)
    train_known, test_known = train_codes >= 0, test_codes >= 0
    codes, truth = train_codes[train_known], test_codes[test_known]
    base: dict[str, Any] = {
        "attribute": attribute,
        "groups": tuple(groups),
        "n": len(truth),
        "n_train": len(codes),
        "n_unknown": int((~test_known).sum()),
        "n_unknown_train": int((~train_known).sum()),
        "conditional": test_strata is not None,
    }
    fold = patient_folds(codes, train_patients[train_known], folds=FOLDS, seed=seed)
    reason = _undefined(codes, fold, truth, groups)
    if reason:
        return LeakageResult(**base, note=reason)
    lr, mlp, note = _scores(train_emb[train_known], codes, fold, test_emb[test_known], seed=seed)
    resample: dict[str, Any] = {"patients": test_patients[test_known], "replicates": replicates, "seed": seed}
    strata = None if test_strata is None else test_strata[test_known]
    figures = _figures(truth, lr, mlp, strata, level=level, resample=resample)
    return LeakageResult(**base, **figures, note=note)


def _figures(
    truth: np.ndarray,
    lr: np.ndarray,
    mlp: np.ndarray,
    strata: np.ndarray | None,
    *,
    level: float,
    resample: dict[str, Any],
) -> dict[str, Any]:
    one_hot = truth[:, None] == np.arange(lr.shape[1])
    figures: dict[str, Any] = {}
    for name, scores in (("lr", lr), ("mlp", mlp)):
        replicated = bootstrap_auc(one_hot.astype(np.uint8), scores, **resample)
        figures[f"auc_{name}"] = macro_auc(truth, scores)
        figures[f"ci_{name}"] = mean_interval(replicated, level=level)
        figures[f"scores_{name}"] = scores
    if strata is not None:
        better = mlp if figures["auc_mlp"] > figures["auc_lr"] else lr
        values = _within(one_hot, better, strata, **resample)
        figures["auc_conditional"] = float(values[0])
        figures["ci_conditional"] = mean_interval(values[1:, None], level=level)
    return figures


def _within(
    one_hot: np.ndarray,
    scores: np.ndarray,
    strata: np.ndarray,
    *,
    patients: np.ndarray,
    replicates: int,
    seed: int,
) -> np.ndarray:
    """Macro AUC within strata, [1 + replicates]: of the table itself, then of resamples of patients."""
    _, unit = np.unique(patients, return_inverse=True)
    n, rng = unit.max() + 1, np.random.default_rng(seed)
    drawn = [np.bincount(rng.integers(n, size=n), minlength=n)[unit] for _ in range(replicates)]
    weights = np.stack([np.ones(len(unit)), *drawn])
    columns = [
        stratified_auc(one_hot[:, k], scores[:, k], strata, weights=weights) for k in range(scores.shape[1])
    ]
    return np.mean(columns, axis=0)


def _scores(
    emb: np.ndarray, codes: np.ndarray, fold: np.ndarray, test_emb: np.ndarray, *, seed: int
) -> tuple[np.ndarray, np.ndarray, str]:
    scaling = fit_scaling(emb)
    x, test_x = scaling.standardise(emb), scaling.standardise(test_emb)
    linear = choose_linear(x, codes, fold, scaling=scaling)
    mlp = fit_mlp(x, codes, fold, scaling=scaling, linear=linear, seed=seed)
    note = "" if mlp.networks else "no network read more than the logistic regression from held-out patients"
    return log_odds(linear.logits(test_x)), log_odds(mlp.logits(test_x)), note


def _check(
    train_emb: np.ndarray, test_emb: np.ndarray, train_patients: np.ndarray, test_patients: np.ndarray
) -> None:
    for name, emb in (("probe", train_emb), ("test", test_emb)):
        bad = np.flatnonzero(~np.isfinite(emb).all(axis=1))
        if bad.size:
            raise DataError.at(
                f"the embedding of the {name} set is not finite",
                row=int(bad[0]) + 1,
                remedy="Check the model.",
            )
    shared = np.intersect1d(train_patients, test_patients)
    if shared.size:
        raise DataError(
            f"{shared.size} patients are in both the probe set and the test set. Split by patient."
        )


def _undefined(codes: np.ndarray, fold: np.ndarray, test_codes: np.ndarray, groups: list[str]) -> str:
    """Why leakage cannot be measured, or an empty string."""
    if len(groups) < 2:
        return "the attribute has one group; leakage needs two"
    for k, group in enumerate(groups):
        if not (test_codes == k).any():
            return f"no test image of group {group}"
        if set(fold[codes == k]) != set(range(FOLDS)):
            return f"group {group} has fewer than {FOLDS} patients to train probes on"
    return ""
