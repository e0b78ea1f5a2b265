"""``transfer``: a model in its own cohort and in another one, thresholds carried over, and how every gap changes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adfair import __version__
from adfair.auditing.auditor import audit_predictions
from adfair.auditing.cutoffs import Cutoffs, resolve
from adfair.auditing.formats import load_predictions
from adfair.auditing.predictions import Predictions
from adfair.auditing.settings import Settings
from adfair.auditing.transfer import domain_change
from adfair.data.exclusion import without_excluded
from adfair.data.manifest import Cohort, load_cohort
from adfair.data.staging import replace_file, require_absent
from adfair.errors import ConfigError
from adfair.evaluation.calibration import calibrate
from adfair.evaluation.embedding_cache import open_cache
from adfair.evaluation.linear_probe import linear_probe_auc
from adfair.evaluation.precision import Precision
from adfair.evaluation.protocols import prompt_protocols
from adfair.evaluation.subject import Subject
from adfair.metrics.thresholds import is_given
from adfair.models.adapters.load import load_encoder
from adfair.models.adapters.registry import seen_in_training
from adfair.workflows.finding_map import on_common_names, read_finding_map
from adfair.workflows.protocol_rows import Protocol, require_choosable, rule_used

TABLE, RECORD = "transfer.csv", "transfer.json"
SIDES = ("in_domain", "out_of_domain")
PROTOCOLS = ("zero_shot", "linear_probe")
_SHOWN = ("auc", "worst_group_auc", "auc_gap", "equalized_odds_difference")


def transfer(
    model: Path | str,
    *,
    data: Path | str,
    to: Path | str,
    finding_map: Path | str | Mapping[str, object],
    out: Path | str,
    split: str = "test",
    to_split: str = "test",
    protocol: str = "zero_shot",
    prompts: str = "",
    paired: bool = False,
    how: Protocol | None = None,
    precision: Precision = "fp32",
    cache: Path | str | None = None,
    force: bool = False,
) -> list[str]:
    """Evaluate a model in and out of its domain.

    Args:
        data: the cohort that it comes from: thresholds, calibration and probes are made there, without the patients that
            it sets aside (the other cohort may be a balanced set of them), and carried over.
        to: the other cohort. finding_map: see ``finding_map.read_finding_map``; other findings are left out.
        out: folder for ``transfer.csv``, ``transfer.json`` and an evaluation of each side.
        protocol: ``zero_shot``, or ``linear_probe``: logistic regressions on all of ``data``'s training split.
        paired: both hold the same images, see ``auditing.transfer``.

    Returns:
        Lines about the main figures, and every note.
    """
    out = Path(out)
    for name in (TABLE, RECORD, *SIDES):
        require_absent(out / name, force=force)
    _require_fitting(how or Protocol(), protocol, split, prompts)
    (first, left_out), second = without_excluded(load_cohort(data)), load_cohort(to)
    _require_other_images(first, second, to_split, protocol, how or Protocol())
    mapped = read_finding_map(finding_map, first, second)
    loaded, kept = load_encoder(model), open_cache(cache)
    how = replace(how or Protocol(), prompts=prompt_protocols(prompts or loaded.protocol)[0].name)
    both = on_common_names(first, {name: (name,) for name in mapped}), on_common_names(second, mapped)
    home, away = (Subject(loaded, cohort, precision=precision, cache=kept) for cohort in both)
    table, notes = _written(home, away, (split, to_split), out, protocol, how, paired=paired)
    seen = [seen_in_training(loaded.name, each.info.name, each.info.source) for each in (first, second)]
    facts = {
        "version": __version__,
        "model": str(model),
        "cohorts": [cohort.info.manifest_sha256 for cohort in (first, second)],
        "splits": [split, to_split],
        "protocol": protocol,
        "finding_map": mapped,
        "paired": paired,
        **left_out,
        "precision": precision,
        "notes": (notes := [*filter(None, seen), *notes, *([] if kept is None else kept.notes)]),
        **asdict(how),
        "threshold": rule_used(how),
    }
    replace_file(out / RECORD, (json.dumps(facts, indent=2) + "\n").encode())
    replace_file(out / TABLE, table.to_csv(index=False).encode())
    return [*_lines(table), *(f"note: {note}" for note in notes)]


def _require_fitting(how: Protocol, protocol: str, split: str, prompts: str) -> None:
    """Refuse options that nothing has a use for, and to score images that taught the probe or the calibration."""
    require_choosable(how)
    if protocol not in PROTOCOLS:
        raise ConfigError(f"protocol '{protocol}': choose one of {', '.join(PROTOCOLS)}")
    if protocol == "linear_probe":
        given = {
            "--calibrate": how.calibrate != "none",
            "--prompts": bool(prompts),
            "--threshold": is_given(how.threshold),
        }
        if unfit := [name for name, asked in given.items() if asked]:
            raise ConfigError(
                f"{unfit[0]} is about zero-shot scores: leave it out with --protocol linear_probe (its thresholds are "
                "chosen by a rule)"
            )
    if split == "train" and protocol == "linear_probe":
        raise ConfigError(
            "linear_probe is taught on split 'train', which would be evaluated: choose another --split"
        )
    if split == how.validation and (how.calibrate != "none" or protocol == "linear_probe"):
        raise ConfigError(
            f"split '{split}' is what --validation names and would be evaluated: choose another of the two"
        )


def _require_other_images(first: Cohort, second: Cohort, to_split: str, protocol: str, how: Protocol) -> None:
    """Refuse to score images of ``--to`` that taught a probe or a calibration: those of the same cohort's own splits."""
    taught = [how.validation] if how.calibrate != "none" or protocol == "linear_probe" else []
    taught += ["train"] if protocol == "linear_probe" else []
    if first.info.manifest_sha256 == second.info.manifest_sha256 and to_split in taught:
        what = "calibration" if protocol == "zero_shot" else "the probe"
        raise ConfigError(
            f"--to is the cohort of --data, and its split '{to_split}' served to make {what}: choose another --to-split"
        )


def _written(
    home: Subject,
    away: Subject,
    splits: tuple[str, str],
    out: Path,
    protocol: str,
    how: Protocol,
    *,
    paired: bool,
) -> tuple[pd.DataFrame, list[str]]:
    """Audit both sides at the first one's thresholds, write their tables, and give the change between them."""
    inner, outer, val = _scores(home, away, splits, protocol, how)
    tables = home.table(splits[0], inner), away.table(splits[1], outer)
    inside, outside = (
        load_predictions(table, attributes=list(side.cohort.info.attributes))
        for table, side in zip(tables, (home, away), strict=True)
    )
    cutoffs = _cutoffs(home, inside, val, how, in_sample=splits[0] == how.validation)
    settings = Settings(replicates=how.replicates, seed=how.seed)
    change, notes = domain_change(inside, outside, cutoffs.values, settings, paired=paired)
    for name, found, table in zip(SIDES, (inside, outside), tables, strict=True):
        folder = audit_predictions(found, cutoffs, settings).save(out / name)
        replace_file(folder / "predictions.csv", table.to_csv(index=False).encode())
    return change, list(notes)


_Scores = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def _scores(home: Subject, away: Subject, splits: tuple[str, str], protocol: str, how: Protocol) -> _Scores:
    """Scores [N, F] in domain, out of domain, and of the validation images of the first cohort."""
    validation = how.validation
    if protocol == "linear_probe":
        return _probed(home, away, splits, validation)
    found = home.scores(splits[0], prompts=how.prompts), away.scores(splits[1], prompts=how.prompts)
    if validation is None:
        if how.calibrate != "none":
            raise ConfigError("calibration needs a validation split: name one with --validation")
        return *found, None
    val = home.scores(validation, prompts=how.prompts)
    if how.calibrate == "none":
        return *found, val
    one, two, three = (
        calibrate(
            each,
            validation_scores=val,
            validation_labels=home.labels(validation),
            findings=home.findings,
            method=how.calibrate,
        )
        for each in (*found, val)
    )
    return one, two, three


def _probed(home: Subject, away: Subject, splits: tuple[str, str], validation: str | None) -> _Scores:
    """Log-odds of logistic regressions taught on the first cohort, their penalty chosen on its validation split."""
    if validation is None:
        raise ConfigError("linear_probe needs a validation split: name one with --validation")
    places = [(home, splits[0]), (away, splits[1]), (home, validation)]
    emb = [side.image_emb(part) for side, part in places]
    found = linear_probe_auc(
        home.image_emb("train"),
        home.labels("train"),
        home.image_emb(validation),
        home.labels(validation),
        np.concatenate(emb),
        np.concatenate([side.labels(part) for side, part in places]),
        findings=home.findings,
        replicates=0,
    )
    for probe in found:
        if probe.scores is None:
            raise ConfigError(
                f"linear_probe: finding '{probe.finding}': {probe.note}. Take it out of the map"
            )
    whole = np.stack([probe.scores[0] for probe in found if probe.scores is not None], axis=1)
    one, two, three = np.split(whole, np.cumsum([len(each) for each in emb])[:-1])
    return one, two, three


def _cutoffs(
    home: Subject, inside: Predictions, val: np.ndarray | None, how: Protocol, *, in_sample: bool
) -> Cutoffs:
    """The thresholds of the first cohort, chosen on its validation images unless they are given."""
    if is_given(how.threshold):
        return resolve(inside, rule=how.threshold, validation=None, in_sample=False)
    if val is None or how.validation is None:
        return resolve(inside, rule=None, validation=None, in_sample=False)
    if in_sample:
        return resolve(inside, rule=how.threshold, validation=None, in_sample=True)
    table = home.table(how.validation, val)
    return resolve(
        inside,
        rule=how.threshold,
        validation=lambda: load_predictions(table, attributes=()),
        in_sample=False,
    )


def _lines(table: pd.DataFrame) -> list[str]:
    shown = table[(table["finding"] == "mean") & table["metric"].isin(_SHOWN) & (table["group"] == "")]
    return [_line(row) for row in shown.to_dict("records")]


def _line(row: dict[Any, Any]) -> str:
    head = " ".join(filter(None, [row["metric"], row["attribute"]]))
    if np.isnan(row["difference"]):
        return f"{head}: {row['note'] or 'undefined'}"
    return (
        f"{head}: {row['in_domain']:.3f} in domain, {row['out_of_domain']:.3f} out of domain, change "
        f"{row['difference']:+.3f} [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]"
    )
