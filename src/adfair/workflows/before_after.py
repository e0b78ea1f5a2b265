"""What a correction of embeddings costs and brings, measured on patients that it was not fitted on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from adfair.evaluation.leakage import leakage
from adfair.evaluation.probes import patient_folds
from adfair.evaluation.subject import Subject
from adfair.evaluation.zero_shot import zero_shot_scores
from adfair.metrics.intervals import defined_mean
from adfair.metrics.ranking import auc
from adfair.models.posthoc import Affine, Residual
from adfair.workflows.frozen import Frozen


class Fitted(NamedTuple):
    """A correction, and what its metadata says of how it came out."""

    transform: Affine | Residual
    settings: dict[str, Any]


Fit = Callable[[np.ndarray, str], Fitted]
"""Rows of the training split (bool [N]) and the stage they are for -> a correction fitted on them alone."""


def before_after(train: Frozen, fit: Fit, transform: Affine | Residual, *, seed: int) -> pd.DataFrame:
    """Zero-shot AUC on ``val`` with ``transform``, and leakage on training patients by cross-fitting.

    Findings may tell the group in these splits, which are not balanced, so that leakage has no reason to reach .5.

    Returns:
        Columns ``metric, attribute, before, after, n, note``; no test set is looked at.
    """
    return pd.DataFrame([_auc_row(train.subject, transform), *_leakage_rows(train, fit, seed=seed)])


def _auc_row(subject: Subject, transform: Affine | Residual) -> dict[str, Any]:
    """Mean zero-shot AUC over findings on the validation split, before and after."""
    row = {"metric": "auc", "attribute": "", "before": np.nan, "after": np.nan, "n": 0}
    if "val" not in set(subject.cohort.table["split"]):
        return row | {"note": "no split 'val'"}
    emb, truth = subject.image_emb("val"), subject.labels("val")
    values = [_mean_auc(subject, each, truth) for each in (emb, transform(emb))]
    note = "mean over findings, split 'val'"
    return row | {"before": values[0], "after": values[1], "n": len(emb), "note": note}


def _mean_auc(subject: Subject, emb: np.ndarray, truth: np.ndarray) -> float:
    """NaN where no finding has both labels."""
    scores = zero_shot_scores(emb, subject.directions, logit_scale=1.0)
    stated = np.isin(truth, (0, 1))
    values = [auc(truth[stated[:, f], f], scores[stated[:, f], f]) for f in range(truth.shape[1])]
    return float(defined_mean(np.array(values)))


def _leakage_rows(train: Frozen, fit: Fit, *, seed: int) -> list[dict[str, Any]]:
    """Leakage before and after, with correction, probes and test each on patients of their own.

    A correction fitted on one half of the patients is judged on the other, half of which trains the probes.
    """
    half = patient_folds(train.cells, train.patients, folds=2, seed=seed) == 0
    judged = ~half
    emb, codes, _ = train.part(judged)
    patients = train.patients[judged]
    probe = patient_folds(train.cells[judged], patients, folds=2, seed=seed) == 0
    views = {"before": emb, "after": fit(half, "checking").transform(emb)}
    rows = []
    for name, groups in train.groups.items():
        found = {
            when: leakage(
                view[probe],
                codes[name][probe],
                view[~probe],
                codes[name][~probe],
                train_patients=patients[probe],
                test_patients=patients[~probe],
                groups=list(groups),
                attribute=name,
                replicates=0,
                seed=seed,
            )
            for when, view in views.items()
        }
        # A network that reads no more than the regression is a defined figure, and no news here.
        undefined = [each.note for each in found.values() if np.isnan(each.auc)]
        note = "; ".join(["held-out half of 'train'", *dict.fromkeys(undefined)])
        values = {when: each.auc for when, each in found.items()}
        rows.append(
            {"metric": "leakage_auc", "attribute": name, **values, "n": found["after"].n, "note": note}
        )
    return rows
