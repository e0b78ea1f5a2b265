"""Few labelled images as rows of ``metrics.csv``: for each number of them and each learner, accuracy and fairness."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit

from adfair.auditing.auditor import audit_predictions
from adfair.auditing.cutoffs import Cutoffs
from adfair.auditing.formats import load_predictions
from adfair.auditing.predictions import Predictions
from adfair.auditing.rows import row
from adfair.auditing.settings import Settings
from adfair.data.manifest import group_codes
from adfair.errors import ConfigError
from adfair.evaluation.few_shot import BUDGETS, Budget, draw, learn
from adfair.evaluation.splits import Rows, Splits, standardised
from adfair.evaluation.subject import Subject
from adfair.metrics.thresholds import choose_threshold, is_given
from adfair.workflows.protocol_rows import Protocol

KEPT = frozenset(("auc", "auc_gap", "worst_group_auc", "es_auc", "equalized_odds_difference"))
_SILENT = Settings(replicates=0, permutations=0)


class _Task(NamedTuple):
    """``test`` is the validation split, where there is one, followed by the evaluated split; ``blind``: no zero-shot scores."""

    raw: Splits
    scaled: Splits
    patients: np.ndarray
    groups: np.ndarray | None
    base: Predictions
    place: np.ndarray
    validated: int
    blind: bool


def few_shot_rows(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
    """Mean over draws of each figure; the learner and the number of images stand in ``stratum``, the standard
    deviation over draws in ``note``. All images are drawn once only, so have none."""
    task, frames = _task(subject, split, how), []
    for budget in BUDGETS:
        draws = 1 if budget.fraction == 1 else how.draws
        found = [part.assign(draw=k) for k in range(draws) for part in _draw(task, subject, budget, k, how)]
        frames.append(_summary(pd.concat(found), budget, blind=task.blind))
    return pd.concat(frames, ignore_index=True)


def _rows_of(subject: Subject, split: str, prompts: str) -> Rows:
    emb, truth = subject.image_emb(split), subject.labels(split)
    try:
        scores = subject.scores(split, prompts=prompts)
    except ConfigError:  # no text tower, or a classifier of other findings: the cache alone is asked
        return Rows(emb, truth, np.zeros(truth.shape))
    inside = scores.min() >= 0 and scores.max() <= 1
    return Rows(emb, truth, logit(np.clip(scores, 1e-12, 1 - 1e-12)) if inside else scores)


def _task(subject: Subject, split: str, how: Protocol) -> _Task:
    train, test = (_rows_of(subject, name, how.prompts) for name in ("train", split))
    val = None if how.validation is None else _rows_of(subject, how.validation, how.prompts)
    both = test if val is None else Rows(*(np.concatenate(pair) for pair in zip(val, test, strict=True)))
    raw, table = Splits(train, val, both), subject.cohort.split("train")
    base = load_predictions(
        subject.table(split, np.zeros(test.labels.shape)), attributes=list(subject.cohort.info.attributes)
    )
    ids = pd.Index(subject.cohort.split(split)["image_id"].astype(str))
    return _Task(
        raw,
        standardised(raw),
        np.unique(table["patient_id"].to_numpy(), return_inverse=True)[1],
        _intersections(subject, table) if how.sampling == "group_balanced" else None,
        base,
        ids.get_indexer(pd.Index(base.image.astype(str))),
        0 if val is None else len(val.emb),
        not any(rows.prior.any() for rows in (train, both)),
    )


def _intersections(subject: Subject, table: pd.DataFrame) -> np.ndarray:
    """int [N]: the combination of a patient's groups, -1 where one is unknown."""
    codes = np.stack(
        [group_codes(table[name], groups) for name, groups in subject.cohort.info.attributes.items()]
    )
    cell = np.unique(codes, axis=1, return_inverse=True)[1].reshape(-1)
    return np.where((codes >= 0).all(axis=0), cell, -1)


def _draw(task: _Task, subject: Subject, budget: Budget, k: int, how: Protocol) -> list[pd.DataFrame]:
    """Figures of both learners taught by one draw."""
    taught, reasons = {}, {}
    for f, finding in enumerate(subject.findings):
        rng = np.random.default_rng([how.seed, k, *finding.encode()])
        rows = draw(task.raw.train.labels[:, f], task.patients, task.groups, budget, rng)
        if isinstance(rows, str):
            reasons[finding] = rows
        else:
            taught[f] = rows
    scores = learn(task.raw, task.scaled, taught)
    return [_audited(task, each, reasons, how).assign(learner=name) for name, each in scores.items()]


def _audited(task: _Task, scores: np.ndarray, reasons: dict[str, str], how: Protocol) -> pd.DataFrame:
    val, test = scores[: task.validated], scores[task.validated :][task.place]
    labels = np.where(np.isnan(test), -1, task.base.labels).astype(np.int8)
    if not (labels >= 0).any():
        names = (*task.base.findings, "mean")
        frame = pd.DataFrame([row("auc", name, figures={}) for name in names])
    else:
        rule = "youden" if is_given(how.threshold) else how.threshold
        values = [_cutoff(task, val, f, rule) for f in range(val.shape[1])]
        part = replace(task.base, labels=labels, scores=np.where(labels >= 0, test, np.nan))
        cutoffs = Cutoffs(np.array(values), rule, "validation")
        frame = audit_predictions(part, cutoffs, _SILENT, only=KEPT).table
    frame["note"] = frame["finding"].map(reasons).fillna(frame["note"])
    return frame


def _cutoff(task: _Task, val: np.ndarray, f: int, rule: str) -> float:
    if not len(val) or np.isnan(val[:, f]).any():
        return float("nan")
    truth = task.raw.val.labels[:, f] if task.raw.val is not None else np.empty(0)
    known = np.isin(truth, (0, 1))
    return choose_threshold(truth[known].astype(int), val[known, f], rule=rule)


def _summary(found: pd.DataFrame, budget: Budget, *, blind: bool) -> pd.DataFrame:
    keys = ["learner", "metric", "finding", "attribute", "group"]
    out = []
    for place, part in found.groupby(keys, sort=False):
        learner, metric, finding, attribute, group = map(str, place)
        values, value = part["value"].dropna(), part["value"].mean()
        notes = [note for note in part["note"].unique() if note]
        if blind and learner == "tip_adapter":
            notes.append("without zero-shot scores: the cache of images alone")
        if finding == "mean":
            values, value = _over_findings(found, part, (learner, metric, attribute, group))
            if len(values) < len(part) and np.isfinite(value):
                notes.append(f"{len(values)} of {len(part)} draws have every finding")
        if len(values) > 1:
            notes.append(f"standard deviation {values.std():.4f} over {len(values)} draws")
        figures = {"value": value} | {name: part[name].iloc[0] for name in ("n", "n_positive")}
        name = f"few_shot_{metric}@{budget.name}"
        made = row(name, finding, attribute, group, figures=figures, note="; ".join(notes))
        out.append({**made, "stratum": f"learner={learner}"})
    return pd.DataFrame(out)


def _over_findings(
    found: pd.DataFrame, means: pd.DataFrame, place: tuple[str, str, str, str]
) -> tuple[pd.Series, float]:
    """The means of the draws that have every finding, and the mean of the findings' own means over draws.

    A draw without a rare finding has a mean over other findings, which is no draw of the same figure.
    """
    same = (found[["learner", "metric", "attribute", "group"]] == place).all(axis=1) & (
        found["finding"] != "mean"
    )
    by_draw = found[same].pivot(index="draw", columns="finding", values="value").dropna(axis=1, how="all")
    whole = by_draw.index[by_draw.notna().all(axis=1)]
    return means.loc[means["draw"].isin(whole), "value"].dropna(), float(by_draw.mean().mean())
