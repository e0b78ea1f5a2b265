"""What each protocol of ``evaluate`` says about a model on a split: rows of ``metrics.csv``."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from adfair.auditing import audit
from adfair.auditing.rows import mean_note, mean_over_findings, row
from adfair.data.manifest import group_codes
from adfair.errors import ConfigError
from adfair.evaluation.calibration import Method
from adfair.evaluation.few_shot import Sampling
from adfair.evaluation.leakage import leakage
from adfair.evaluation.linear_probe import few_shot_auc
from adfair.evaluation.protocols import PROMPTS
from adfair.evaluation.similarity import group_statistics
from adfair.evaluation.subject import Subject
from adfair.evaluation.zero_shot import five_class_accuracy
from adfair.metrics.thresholds import is_given
from adfair.models.layers import Layer

SHOTS = 16
PROBE_REPLICATES = 200  # resamples for intervals of probes, each of which costs an AUC a group


@dataclass(frozen=True)
class Protocol:
    """How a split is evaluated.

    Attributes:
        validation: split that thresholds are chosen on; ``None`` chooses none and leaves rates at 0.5.
        threshold: rule, see ``adfair.audit``; one that is given, a number or a CSV, needs no validation split. It is on
            the scale of zero-shot scores, so few labelled images keep Youden's rule.
        probe: balanced split that leakage probes are trained on. layer: what they read, see ``models.layers``.
        replicates: bootstrap resamples. seed: of all draws.
        prompts: a name of ``evaluation.protocols``; empty for that of the model's authors.
        calibrate: scores become probabilities by curves fitted on ``validation``; scores are raw otherwise.
        sampling: of few labelled images. draws: how many times few images are drawn.
    """

    validation: str | None = "val"
    threshold: str = "youden"
    probe: str = "probe"
    layer: Layer = "embedding"
    replicates: int = 1000
    seed: int = 0
    prompts: str = "ours"
    calibrate: Method = "none"
    sampling: Sampling = "random"
    draws: int = 5


def require_split(rule: str, validation: str | None) -> None:
    """Refuse a rule that looks at labels where there is no split to look at. Raises ConfigError."""
    if validation is None and not is_given(rule):
        raise ConfigError(
            f"--threshold {rule} chooses on the split that --validation names, and it names none: name one, or give "
            "--threshold a number or FILE.csv"
        )


def require_choosable(how: Protocol) -> None:
    """The same of a ``Protocol``, whose own rule is nobody's wish. Raises ConfigError."""
    if how.threshold != Protocol.threshold:
        require_split(how.threshold, how.validation)


def rule_used(how: Protocol) -> str | None:
    """What a record says of the thresholds; ``None`` where nothing chose them."""
    return None if how.validation is None and not is_given(how.threshold) else how.threshold


def predictions(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
    """``predictions.csv`` of a split."""
    return subject.predictions(split, prompts=how.prompts, method=how.calibrate, validation=how.validation)


def zero_shot_rows(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
    """The audit of zero-shot predictions, and five-class accuracy where every image shows one finding."""
    given, own = is_given(how.threshold), how.validation == split
    other = None if given or own else how.validation
    validation = None if other is None else predictions(subject, other, how)
    found = audit(
        predictions(subject, split, how),
        attributes=list(subject.cohort.info.attributes),
        validation=validation,
        threshold=_without_validation(subject, how)
        if how.validation is None and not given
        else how.threshold,
        in_sample=own and not given,
        replicates=how.replicates,
        seed=how.seed,
    ).table
    truth = subject.labels(split)
    found = _noted(found, subject, how)
    if not ((truth == 1).sum(axis=1) == 1).all():
        return found
    scores = subject.zero_shot(split, prompts=how.prompts).classes
    if how.calibrate != "none":
        scores = predictions(subject, split, how)["score"].to_numpy().reshape(len(subject.findings), -1).T
    accuracy = five_class_accuracy(scores, truth)
    extra = row("five_class_accuracy", "mean", figures={"value": accuracy, "n": len(truth)})
    return pd.concat([found, pd.DataFrame([extra])])


def _without_validation(subject: Subject, how: Protocol) -> float | None:
    """0.5, or nothing where scores are likeness or a classifier's, of which 0.5 means nothing."""
    if subject.model.classes:
        return None
    asked = [PROMPTS[how.prompts].question(finding) for finding in subject.findings]
    return 0.5 if how.calibrate != "none" or all(question.negative for question in asked) else None


def _noted(found: pd.DataFrame, subject: Subject, how: Protocol) -> pd.DataFrame:
    """What a reader must know of how a finding was asked, in the row of its AUC."""
    if subject.model.classes:
        return found
    for finding in subject.findings:
        note = PROMPTS[how.prompts].question(finding).note
        if note:
            place = (found["metric"] == "auc") & (found["finding"] == finding) & (found["attribute"] == "")
            found.loc[place, "note"] = [
                "; ".join(filter(None, [each, note])) for each in found.loc[place, "note"]
            ]
    return found


def linear_probe_rows(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
    """AUC of a linear probe trained on 16 positive and 16 negative training images of each finding."""
    train = subject.cohort.split("train")
    test = subject.cohort.split(split)
    found = few_shot_auc(
        subject.image_emb("train"),
        subject.labels("train"),
        subject.image_emb(split),
        subject.labels(split),
        findings=subject.findings,
        shots=SHOTS,
        train_patients=train["patient_id"].to_numpy(),
        test_patients=test["patient_id"].to_numpy(),
        replicates=min(how.replicates, PROBE_REPLICATES),
        seed=how.seed,
    )
    values = np.array([probe.value for probe in found])
    figures = {"value": float(mean_over_findings(values[None])[0]), "n": len(test)}
    note = mean_note(values, tuple(subject.findings))
    mean = row(f"few_shot_auc@{SHOTS}", "mean", figures=figures, note=note)
    return pd.DataFrame([*(probe.row() for probe in found), mean])


def leakage_rows(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
    """How well fresh probes, trained on the balanced ``probe`` split, read each attribute from the images."""
    if how.probe not in subject.cohort.info.splits:
        raise ConfigError(
            f"leakage needs a balanced split to train its probes on; this cohort has no '{how.probe}'. "
            f"Name one of {', '.join(subject.cohort.info.splits)} with --probe."
        )
    train, test = subject.cohort.split(how.probe), subject.cohort.split(split)
    patterns = np.unique(subject.labels(split) == 1, axis=0, return_inverse=True)[1].ravel()
    note = "" if how.layer == "embedding" else f"layer: {how.layer}"
    rows = []
    for attribute, groups in subject.cohort.info.attributes.items():
        found = leakage(
            subject.image_emb(how.probe, layer=how.layer),
            group_codes(train[attribute], groups),
            subject.image_emb(split, layer=how.layer),
            group_codes(test[attribute], groups),
            train_patients=train["patient_id"].to_numpy(),
            test_patients=test["patient_id"].to_numpy(),
            groups=groups,
            attribute=attribute,
            test_strata=patterns,
            replicates=min(how.replicates, PROBE_REPLICATES),
            seed=how.seed,
        )
        for each in found.rows():
            rows.append({**each, "finding": "mean", "note": "; ".join(filter(None, [each["note"], note]))})
    return pd.DataFrame(rows)


def embedding_rows(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
    """Spread, offset and effective rank of each group's embeddings, see ``evaluation.similarity``."""
    table, rows = subject.cohort.split(split), []
    for attribute, groups in subject.cohort.info.attributes.items():
        codes = group_codes(table[attribute], groups)
        for each in group_statistics(subject.image_emb(split, layer=how.layer), codes, groups):
            note = "" if each.n > 1 else "undefined: fewer than two images"
            for name in ("spread", "offset", "rank"):
                figures = {"value": getattr(each, name), "n": each.n}
                rows.append(
                    row(f"embedding_{name}", "mean", attribute, each.group, figures=figures, note=note)
                )
    return pd.DataFrame(rows)


def _later(module: str, name: str) -> Callable[[Subject, str, Protocol], pd.DataFrame]:
    from importlib import import_module

    return lambda *arguments: getattr(import_module(f"adfair.workflows.{module}"), name)(*arguments)


ROWS: dict[str, Callable[[Subject, str, Protocol], pd.DataFrame]] = {
    "zero_shot": zero_shot_rows,
    "linear_probe": linear_probe_rows,
    "leakage": leakage_rows,
    "few_shot": _later("few_shot_rows", "few_shot_rows"),
    "retrieval": _later("retrieval_rows", "retrieval_rows"),
    "embeddings": embedding_rows,
}
PROTOCOLS = tuple(ROWS)
ALL = ("zero_shot", "linear_probe", "leakage")
"""What ``all`` stands for; the others are asked for by name, since they take longer or need reports."""
