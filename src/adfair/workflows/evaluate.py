"""``evaluate``: a model and a cohort in; predictions, embeddings and audited metrics out."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from adfair import __version__
from adfair.auditing import audit
from adfair.auditing.rows import COLUMNS, mean_note, mean_over_findings, row
from adfair.data.manifest import group_codes, load_cohort
from adfair.data.staging import replace_file, require_absent
from adfair.errors import ConfigError, DataError
from adfair.evaluation.leakage import leakage
from adfair.evaluation.linear_probe import few_shot_auc
from adfair.evaluation.subject import Subject
from adfair.evaluation.zero_shot import five_class_accuracy
from adfair.models.dual_encoder import load_model, weights_hash
from adfair.models.layers import Layer

PROTOCOLS = ("zero_shot", "linear_probe", "leakage")
SHOTS, RECORD = 16, "evaluation.json"
PROBE_REPLICATES = 200  # resamples for intervals of probes, each of which costs an AUC a group


@dataclass(frozen=True)
class Protocol:
    """How a split is evaluated.

    Attributes:
        validation: split that thresholds are chosen on; ``None`` chooses none and leaves rates at 0.5.
        threshold: rule, see ``adfair.audit``.
        probe: balanced split that leakage probes are trained on. layer: what they read, see ``models.layers``.
        replicates: bootstrap resamples. seed: of all draws.
    """

    validation: str | None = "val"
    threshold: str = "youden"
    probe: str = "probe"
    layer: Layer = "embedding"
    replicates: int = 1000
    seed: int = 0


def zero_shot_rows(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
    """The audit of zero-shot predictions, and five-class accuracy where every image shows one finding."""
    validation = None if how.validation is None else subject.predictions(how.validation)
    found = audit(
        subject.predictions(split),
        attributes=list(subject.cohort.info.attributes),
        validation=validation,
        threshold=how.threshold if validation is not None else 0.5,
        replicates=how.replicates,
        seed=how.seed,
    ).table
    truth = subject.labels(split)
    if not ((truth == 1).sum(axis=1) == 1).all():
        return found
    accuracy = five_class_accuracy(subject.scores(split), truth)
    extra = row("five_class_accuracy", "mean", figures={"value": accuracy, "n": len(truth)})
    return pd.concat([found, pd.DataFrame([extra])])


def few_shot_rows(subject: Subject, split: str, how: Protocol) -> pd.DataFrame:
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


_ROWS = {"zero_shot": zero_shot_rows, "linear_probe": few_shot_rows, "leakage": leakage_rows}


def evaluate_split(
    subject: Subject, split: str, *, out: Path, protocols: Sequence[str], how: Protocol
) -> pd.DataFrame:
    """Evaluate one split and write ``predictions.csv``, ``embeddings.npz`` and ``metrics.csv`` to ``out``."""
    parts = [_ROWS[name](subject, split, how) for name in protocols]
    metrics = pd.concat([part.reindex(columns=list(COLUMNS)) for part in parts], ignore_index=True)
    out.mkdir(parents=True, exist_ok=True)
    ids = subject.cohort.split(split)["image_id"].to_numpy(dtype=str)
    np.savez(out / "embeddings.npz", image_id=ids, image_emb=subject.image_emb(split))
    replace_file(out / "predictions.csv", subject.predictions(split).to_csv(index=False).encode())
    replace_file(out / "metrics.csv", metrics.to_csv(index=False).encode())
    return metrics


def model_folder(model: Path | str) -> Path:
    """The open_clip folder of MODEL: itself, or ``model/`` of a run folder."""
    folder = Path(str(model).removeprefix("local-dir:"))
    if (folder / "config.yaml").is_file() and not (folder / "model").is_dir():
        raise DataError.at(
            "the run has no model/: training did not finish", file=folder, remedy="Train it again."
        )
    return folder / "model" if (folder / "model").is_dir() else folder


def evaluate(
    model: Path | str,
    *,
    data: Path | str,
    split: str = "test",
    protocol: str = "zero_shot",
    out: Path | str,
    how: Protocol | None = None,
    force: bool = False,
) -> Path:
    """Evaluate a model on one split of a cohort.

    Args:
        model: a run folder or an open_clip folder.
        data: the cohort.
        protocol: ``zero_shot``, ``linear_probe``, ``leakage`` or ``all``.
        out: folder for ``predictions.csv``, ``embeddings.npz``, ``metrics.csv`` and ``evaluation.json``, which says
            what was evaluated on what.

    Raises:
        ConfigError, DataError: something that the user can mend.
    """
    if protocol not in (*PROTOCOLS, "all"):
        raise ConfigError(f"protocol '{protocol}': choose one of {', '.join((*PROTOCOLS, 'all'))}")
    out = Path(out)
    require_absent(out / "metrics.csv", force=force)
    cohort = load_cohort(data)
    how = how or Protocol(validation="val" if "val" in cohort.info.splits else None)
    subject = Subject(load_model(model_folder(model)), cohort)
    wanted = PROTOCOLS if protocol == "all" else (protocol,)
    evaluate_split(subject, split, out=out, protocols=wanted, how=how)
    facts = {
        "version": __version__,
        "model": str(model),
        "weights_sha256": weights_hash(model_folder(model)),
        "cohort": {
            "name": cohort.info.name,
            "manifest_sha256": cohort.info.manifest_sha256,
            "images_left_out": subject.cohort.left_out,
        },
        "split": split,
        "protocols": list(wanted),
        **asdict(how),
    }
    replace_file(out / RECORD, (json.dumps(facts, indent=2) + "\n").encode())
    return out
