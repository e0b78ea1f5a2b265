"""``erase`` and ``adapt``: a model whose towers stay as they are, with a correction of its image embeddings."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from adfair.data.schema import read_info
from adfair.data.staging import keep_inputs, require_free, staged_folder
from adfair.errors import ConfigError
from adfair.evaluation.embed import embed_texts
from adfair.evaluation.probes import patient_folds
from adfair.evaluation.prompts import group_prompts
from adfair.models.card import note_correction
from adfair.models.posthoc import Affine, PostHoc, save_posthoc
from adfair.objectives.adapter import AdapterSettings, adapter_data, fit_adapter
from adfair.objectives.inlp import Inlp, fit_inlp
from adfair.objectives.leace import Leace, fit_leace
from adfair.objectives.prompt_projection import PromptProjection, fit_prompt_projection
from adfair.training.inputs import reports_of
from adfair.workflows.before_after import Fit, Fitted, before_after
from adfair.workflows.evaluate import model_folder
from adfair.workflows.frozen import Frozen, freeze

METHODS = ("leace", "inlp", "prompts")
TABLE = "before_after.csv"


def erase(
    model: Path | str,
    *,
    data: Path | str,
    method: str = "leace",
    attributes: Sequence[str] = (),
    keep_findings: bool = True,
    calibrate: bool = False,
    out: Path | str,
    seed: int = 0,
    force: bool = False,
) -> Path:
    """Correct a model's image embeddings by an affine map, in seconds.

    Args:
        model: a run folder or an open_clip folder.
        data: the cohort; its ``train`` split is fitted on, its ``val`` split and held-out training rows are
            measured on, its test sets are not touched.
        method: ``leace``, ``inlp`` or ``prompts``; see ``adfair.objectives``.
        attributes: which to erase; all that the cohort declares where empty.
        keep_findings: weigh rows so that findings do not tell the groups (``independence_weights``), for leace and
            inlp. Without it, erasing a group also erases the findings that it has more of.
        calibrate: with ``prompts``, also even out prompts that name a finding.
        out: folder for ``model/``, the open_clip layout with the correction beside it, and ``before_after.csv``.
        seed: of the division of patients.
        force: replace an earlier result there; never a folder that holds the model or the cohort.

    Returns:
        ``out``, which ``adfair.evaluate`` takes like a run. Towers loaded by open_clip alone lack the correction.

    Raises:
        ConfigError, DataError: something that the user can mend.
    """
    if method not in METHODS:
        raise ConfigError(f"method '{method}': choose one of {', '.join(METHODS)}")
    if calibrate and method != "prompts":
        raise ConfigError(f"calibrate belongs to the method 'prompts', not to '{method}'")
    _require_place(Path(out), model, Path(data), force=force)
    train = freeze(model, data, attributes, keep_findings=keep_findings)

    def fit(rows: np.ndarray, _: str) -> Fitted:
        erased, told = _erasure(train, rows, method=method, calibrate=calibrate, seed=seed)
        return Fitted(Affine(erased.matrix, erased.bias), {"rank": erased.rank, **told})

    asked = {"keep_findings": keep_findings and method != "prompts", "calibrate": calibrate, "seed": seed}
    return _finish(train, fit, asked, kind=method, model=model, out=Path(out), force=force)


def adapt(
    model: Path | str,
    *,
    data: Path | str,
    attributes: Sequence[str] = (),
    settings: AdapterSettings | None = None,
    weight: float | None = None,
    keep_findings: bool = True,
    out: Path | str,
    seed: int = 0,
    force: bool = False,
    progress: Callable[[str, float], None] = lambda stage, share: None,
) -> Path:
    """Correct a model's image embeddings by a small network trained against adversaries, within a minute.

    Args:
        settings: of the training, for what ``weight`` and ``seed`` do not say.
        weight: of the adversaries' loss; more hides more and costs more.
        seed: of the division of patients, the weights and the batches.
        progress: called with a stage and the share of it that is done.

    The others, what is returned and what is raised: see ``erase``.
    """
    chosen = replace(settings or AdapterSettings(), seed=seed)
    chosen = chosen if weight is None else replace(chosen, weight=weight)
    if chosen.weight < 0:
        raise ConfigError(f"weight {chosen.weight}: must not be negative")
    _require_place(Path(out), model, Path(data), force=force)
    train = freeze(model, data, attributes, keep_findings=keep_findings)
    cohort, towers = train.subject.cohort, train.subject.model
    texts = embed_texts(towers, reports_of(cohort, cohort.split("train"), seed=seed))
    scale = towers.net.logit_scale.exp().item()  # type: ignore[operator]
    counts = {name: len(groups) for name, groups in train.groups.items()}

    def fit(rows: np.ndarray, stage: str) -> Fitted:
        emb, codes, weights = train.part(rows)
        arrays = adapter_data(emb, texts[rows], codes, weights, logit_scale=scale)
        return Fitted(
            fit_adapter(
                arrays, groups=counts, settings=chosen, progress=lambda share: progress(stage, share)
            ),
            {},
        )

    asked = {"keep_findings": keep_findings, **asdict(chosen)}
    return _finish(train, fit, asked, kind="adapter", model=model, out=Path(out), force=force)


def _require_place(out: Path, model: Path | str, data: Path, *, force: bool) -> None:
    """Refuse an ``out`` that holds anything else, or what is read. Raises DataError."""
    require_free(out, force=force, what="corrected model", markers=[TABLE])
    info = read_info(data)
    lists = [data / name for name in info.exclude_patients]
    keep_inputs(out, [model_folder(model), data, data / (info.image_root or "."), *lists])


def _erasure(
    train: Frozen, rows: np.ndarray, *, method: str, calibrate: bool, seed: int
) -> tuple[Leace | Inlp | PromptProjection, dict[str, Any]]:
    """The fitted map, and what is worth keeping of how it came out."""
    if method == "prompts":
        return fit_prompt_projection(*_prompt_emb(train, calibrate=calibrate)), {}
    emb, codes, weights = train.part(rows)
    if method == "leace":
        return fit_leace(emb, codes, weights), {}
    held_out = patient_folds(train.cells[rows], train.patients[rows], folds=5, seed=seed) == 0
    found = fit_inlp(emb, codes, held_out, weights=weights)
    return found, {"stopped": found.stopped, "held_out_accuracy": dict(found.accuracy)}


def _prompt_emb(train: Frozen, *, calibrate: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Directions in which prompts about groups differ, [M, D], and pairs of prompts with a finding, [S, D]."""
    towers = train.subject.model
    directions: list[np.ndarray] = []
    pairs: list[np.ndarray] = []
    for groups in train.groups.values():
        emb = embed_texts(towers, group_prompts(groups))
        # What all prompts share, that this is a film of a patient, is not about a group (our choice).
        directions.append(emb - emb.mean(axis=0))
        for finding in train.subject.findings if calibrate else []:
            emb = embed_texts(towers, group_prompts(groups, finding=finding))
            pairs += [emb[i] - emb[j] for i in range(len(emb)) for j in range(i)]
    return np.concatenate(directions), np.array(pairs) if calibrate else None


def _finish(
    train: Frozen, fit: Fit, asked: dict[str, Any], *, kind: str, model: Path | str, out: Path, force: bool
) -> Path:
    """Fit on the whole split, measure, and put the folder in place at one stroke."""
    fitted = fit(np.ones(len(train.emb), bool), "fitting")
    info = train.subject.cohort.info
    about = {
        "kind": kind,
        "adapter": train.subject.model.name,
        "attributes": list(train.groups),
        "cohort": info.name,
        "manifest_sha256": info.manifest_sha256,
        "settings": asked | fitted.settings,
        **train.left_out,
    }
    measured = before_after(train, fit, fitted.transform, seed=asked["seed"])
    with staged_folder(out, force=force, what="corrected model", markers=[TABLE]) as staging:
        shutil.copytree(model_folder(model), staging / "model")
        save_posthoc(PostHoc(fitted.transform, about), staging / "model")
        note_correction(staging / "model", kind=kind, attributes=train.groups)
        measured.to_csv(staging / TABLE, index=False)
    return out
