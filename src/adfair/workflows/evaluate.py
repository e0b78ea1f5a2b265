"""``evaluate``: a model and a cohort in; predictions, embeddings and audited metrics out."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from adfair import __version__
from adfair.auditing.rows import COLUMNS
from adfair.data.exclusion import without_excluded
from adfair.data.manifest import Cohort, load_cohort
from adfair.data.staging import replace_file, require_absent
from adfair.errors import ConfigError, DataError
from adfair.evaluation.embedding_cache import open_cache
from adfair.evaluation.precision import Precision
from adfair.evaluation.protocols import prompt_protocols
from adfair.evaluation.subject import Subject
from adfair.metrics.thresholds import is_given
from adfair.models.adapters.load import load_encoder
from adfair.models.adapters.registry import seen_in_training
from adfair.models.adapters.run import model_folder
from adfair.reporting.scores import sha256
from adfair.workflows.protocol_rows import (
    ALL,
    PROTOCOLS,
    ROWS,
    Protocol,
    predictions,
    require_choosable,
    rule_used,
)

__all__ = ["PROTOCOLS", "Protocol", "evaluate", "evaluate_split", "model_folder"]

RECORD = "evaluation.json"
TABLES = ("predictions.csv", "embeddings.npz", "metrics.csv")


def evaluate_split(
    subject: Subject, split: str, *, out: Path, protocols: Sequence[str], how: Protocol
) -> pd.DataFrame:
    """Evaluate one split and write ``predictions.csv``, ``embeddings.npz`` and ``metrics.csv`` to ``out``."""
    parts = [ROWS[name](subject, split, how) for name in protocols]
    metrics = pd.concat([part.reindex(columns=list(COLUMNS)) for part in parts], ignore_index=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / "predictions.csv").unlink(missing_ok=True)  # another model's, where this one has no texts
    ids = subject.cohort.split(split)["image_id"].to_numpy(dtype=str)
    np.savez(out / "embeddings.npz", image_id=ids, image_emb=subject.image_emb(split))
    try:
        scored = predictions(subject, split, how)
        replace_file(out / "predictions.csv", scored.to_csv(index=False).encode())
    except ConfigError:  # no text tower: what was asked for needs none, or it would have failed above
        pass
    replace_file(out / "metrics.csv", metrics.to_csv(index=False).encode())
    return metrics


def evaluate(
    model: Path | str,
    *,
    data: Path | str,
    split: str = "test",
    protocol: str = "zero_shot",
    prompts: str = "",
    out: Path | str,
    how: Protocol | None = None,
    precision: Precision = "fp32",
    cache: Path | str | None = None,
    force: bool = False,
) -> Path:
    """Evaluate a model on one split of a cohort.

    Args:
        model: a run folder, an open_clip folder, or ``ADAPTER:PATH`` (``adfair models`` names the adapters).
        data: the cohort. protocol: ``zero_shot``, ``linear_probe``, ``leakage``, ``few_shot``, ``retrieval``,
            ``embeddings``, several with commas, or ``all``, which is the first three.
        prompts: zero-shot protocols of ``evaluation.protocols``, with commas, or ``all``; that of the model's authors
            where empty. The first one's tables stand in ``out``, those of the others in ``out/prompts/NAME``.
        out: folder for ``predictions.csv``, ``embeddings.npz``, ``metrics.csv`` and ``evaluation.json``, which says
            what was evaluated on what.
        precision: of the image tower's weights. cache: folder where embeddings are kept; none by default.

    Raises:
        ConfigError, DataError: something that the user can mend.
    """
    wanted, out = _protocols(protocol), Path(out)
    _require_place(out, model, force=force)
    named = [each.name for each in prompt_protocols(prompts)] if prompts else []
    # Listed patients are those of a balanced test set: they teach no probe and choose no threshold.
    (cohort, left_out), kept = without_excluded(load_cohort(data)), open_cache(cache)
    how = how or Protocol(validation="val" if "val" in cohort.info.splits else None)
    _require_apart(how, split, wanted)
    how = _settled(how, cohort, wanted)
    encoder = load_encoder(model)
    warning = seen_in_training(encoder.name, cohort.info.name, cohort.info.source)
    subject = Subject(encoder, cohort, precision=precision, cache=kept)
    if (out / RECORD).is_file():  # else it is not ours
        shutil.rmtree(out / "prompts", ignore_errors=True)
    first, *others = named or [encoder.protocol]
    how = replace(how, prompts=first)
    evaluate_split(subject, split, out=out, protocols=wanted, how=how)
    for name in others:
        further = replace(how, prompts=name)
        evaluate_split(subject, split, out=out / "prompts" / name, protocols=("zero_shot",), how=further)
    facts = {
        **_provenance(subject, model, split, wanted),
        **({"warning": warning} if warning else {}),
        **asdict(how),
        "threshold": rule_used(how),
        **left_out,
        "further_prompts": others,
        "precision": precision,
        "notes": [] if kept is None else kept.notes,
        "metrics_sha256": sha256(out / "metrics.csv"),
    }
    replace_file(out / RECORD, (json.dumps(facts, indent=2) + "\n").encode())
    return out


def _require_place(out: Path, model: Path | str, *, force: bool) -> None:
    """Refuse to write over what is there without ``force``, and over the model with it. Raises DataError."""
    read = Path(str(model).rpartition(":")[2]).resolve()
    for file in (out / name for name in (*TABLES, RECORD, "prompts")):
        require_absent(file, force=force)
        if file.resolve() == read:
            raise DataError.at("is what is evaluated", file=file, remedy="Choose another --out.")


def _require_apart(how: Protocol, split: str, wanted: Sequence[str]) -> None:
    """Refuse a rule without a split to choose on, and to score images that taught a probe or a calibration."""
    require_choosable(how)
    taught = [name for name in ("linear_probe", "few_shot") if name in wanted]
    if split == "train" and taught:
        raise ConfigError(
            f"{taught[0]} is taught on split 'train', which would be evaluated: choose another --split"
        )
    if split == how.validation and (how.calibrate != "none" or "few_shot" in wanted):
        what = "few_shot chooses its settings" if how.calibrate == "none" else "calibration is fitted"
        raise ConfigError(
            f"{what} on split '{split}', which would be evaluated: choose another --split or --validation"
        )


def _settled(how: Protocol, cohort: Cohort, wanted: Sequence[str]) -> Protocol:
    """A cohort such as a balanced test set may lack the validation split: where nothing is chosen, it is not needed."""
    splits = cohort.info.splits
    if how.validation is None or how.validation in splits:
        return how
    chosen = not is_given(how.threshold) and not {"zero_shot", "few_shot"}.isdisjoint(wanted)
    if not chosen and how.calibrate == "none":
        return replace(how, validation=None)
    raise ConfigError(
        f"thresholds are chosen on split '{how.validation}', which {cohort.root} lacks (it has {', '.join(splits)}). Give "
        "them: --threshold FILE.csv, for example the metrics.csv of an evaluation of this model where there is a "
        "validation split; or --validation '' for 0.5"
    )


def _provenance(
    subject: Subject, model: Path | str, split: str, protocols: Sequence[str]
) -> dict[str, object]:
    """Which model was evaluated on what."""
    info = subject.cohort.info
    return {
        "version": __version__,
        "model": str(model),
        "adapter": subject.model.name,
        "weights_sha256": subject.model.fingerprint,
        "cohort": {
            "name": info.name,
            "manifest_sha256": info.manifest_sha256,
            "images_left_out": subject.cohort.left_out,
        },
        "split": split,
        "protocols": list(protocols),
    }


def _protocols(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in (*PROTOCOLS, "all")]
    if wrong or not names:
        raise ConfigError(f"protocol '{text}': choose of {', '.join(PROTOCOLS)}, or all")
    return tuple(dict.fromkeys(each for name in names for each in (ALL if name == "all" else (name,))))
