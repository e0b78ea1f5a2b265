"""From a cohort's ``train`` split to arrays in memory, checked before training starts."""

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from adfair.config import Config
from adfair.data.cache import open_images
from adfair.data.exclusion import without_excluded
from adfair.data.loader import Sentences, TrainData, as_images
from adfair.data.manifest import Cohort, group_codes, labels
from adfair.data.report_findings import stated_findings
from adfair.data.sampling import cells, finding_group_weights, group_weights
from adfair.data.scrub import scrub
from adfair.data.sentences import sentence_table
from adfair.data.text import label_reports
from adfair.errors import ConfigError, DataError
from adfair.evaluation.prompts import prompts
from adfair.metrics.dependence import group_log_ratios
from adfair.objectives.term import group_codes as group_codes_of


def reports_of(cohort: Cohort, table: pd.DataFrame, *, seed: int) -> list[str]:
    """The reports of a table, or sentences made from its labels where the cohort has none."""
    if cohort.has_reports:
        return table["report"].tolist()
    findings = cohort.info.findings
    return label_reports(labels(table, findings), findings, image_ids=table["image_id"], seed=seed)


def attribute_codes(cohort: Cohort, table: pd.DataFrame, attributes: Sequence[str]) -> dict[str, Tensor]:
    """Codes of each attribute, [N]: int64 groups, -1 unknown; or float32 standardised values, NaN unknown.

    An attribute that the cohort does not declare may be a column of numbers, such as ``age``: it is continuous.

    Raises:
        ConfigError: the cohort has no such attribute.
        DataError: fewer than two groups (or values) of it are known in the split: there is nothing to read.
    """
    return {name: _codes(cohort, table, name) for name in attributes}


def groups_held(codes: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Codes that count the groups which occur alone, and how many of these each attribute has; 1 for numbers.

    A declared group without a row in training would be one that the adversary need not tell from the others: chance
    would not be log K.
    """
    held = {}
    for name, values in codes.items():
        if not values.is_floating_point():
            place = values[values >= 0].unique(return_inverse=True)[1]
            held[name] = torch.full_like(values, -1).masked_scatter(values >= 0, place)
    counts = {name: int(held[name].max()) + 1 if name in held else 1 for name in codes}
    return {**codes, **held}, counts


def _codes(cohort: Cohort, table: pd.DataFrame, name: str) -> Tensor:
    if name in cohort.info.attributes:
        code = group_codes(table[name], cohort.info.attributes[name])
        distinct, what = len(np.unique(code[code >= 0])), "groups"
    else:
        code = _numbers(cohort, table, name)
        distinct, what = len(np.unique(code[~np.isnan(code)])), "values"
    if distinct < 2:
        raise DataError.at(
            f"fewer than two {what} are known in the split 'train'",
            file=cohort.root,
            column=name,
            remedy="Take it out of objective.attributes.",
        )
    if what == "groups":
        return torch.from_numpy(code)
    return torch.from_numpy((code - np.nanmean(code)) / np.nanstd(code)).float()


def _numbers(cohort: Cohort, table: pd.DataFrame, name: str) -> np.ndarray:
    if name in table:
        numbers = pd.to_numeric(table[name].replace("", np.nan), errors="coerce")
        if numbers.isna().sum() == table[name].replace("", np.nan).isna().sum():
            return numbers.to_numpy(dtype=np.float64)
    raise ConfigError(
        f"objective.attributes: cohort '{cohort.info.name}' has no attribute and no column of numbers '{name}'; "
        f"it declares {', '.join(cohort.info.attributes) or 'none'}. "
        f"Name those: --set 'objective.attributes=[{', '.join(cohort.info.attributes)}]'"
    )


def _with_groups(codes: Mapping[str, Tensor], wanted_by: str) -> dict[str, np.ndarray]:
    """Codes of the attributes that have groups. Raises ConfigError where all are continuous."""
    groups = {name: values.numpy() for name, values in codes.items() if not values.is_floating_point()}
    if not groups:
        raise ConfigError(f"{wanted_by} needs objective.attributes with groups")
    return groups


def require_groups(config: Config, codes: Mapping[str, Tensor]) -> None:
    """Refuse numbers where a configuration compares groups. Raises ConfigError naming the key."""
    aim = config.objective
    if aim.fairness not in ("none", "adversarial"):
        for name in codes:
            group_codes_of(codes, name)
    if aim.negatives != "all":
        _with_groups(codes, f"objective.negatives: {aim.negatives}")


def row_weights(
    sampling: str, codes: Mapping[str, Tensor], findings: Tensor
) -> tuple[Tensor | None, np.ndarray | None]:
    """Weights in the loss [N] and probabilities of being drawn [N], at most one of them, by ``data.sampling``."""
    if sampling == "natural":
        return None, None
    groups = _with_groups(codes, f"data.sampling: {sampling}")
    if "finding" in sampling:
        weights = finding_group_weights(groups, findings.numpy())
    else:
        weights = group_weights(groups)
    if sampling.startswith("reweight"):
        return torch.from_numpy(weights).float(), None
    return None, weights / weights.sum()


def group_ratios(
    codes: Mapping[str, Tensor], findings: Tensor, patients: np.ndarray, *, seed: int
) -> dict[str, Tensor]:
    """``cells`` and ``log_ratios`` of ``TrainData``: intersections of all attributes, and what findings tell of them."""
    cell = cells(_with_groups(codes, "objective.negatives: group_adjusted"))
    ratios = group_log_ratios(cell, findings.numpy(), patients=patients, seed=seed)
    return {"cells": torch.from_numpy(cell), "log_ratios": torch.from_numpy(ratios).float()}


def train_data(
    cohort: Cohort, config: Config, *, image_size: int, tokenize: Callable[[Sequence[str]], Tensor]
) -> TrainData:
    """The ``train`` split but for excluded patients, tokenised, its images decoded or mapped from the cache.

    Raises:
        DataError: an image is missing or damaged; the cache is stale.
    """
    cohort, left_out = without_excluded(cohort, config.data.exclude_patients)
    table, aim = cohort.split("train"), config.objective
    codes, counts = groups_held(attribute_codes(cohort, table, wanted_attributes(config)))
    require_groups(config, codes)
    reports = reports_of(cohort, table, seed=config.seed)
    findings = torch.zeros((len(table), 0))
    adjusted = aim.negatives == "group_adjusted"
    if aim.condition != "none" or "finding" in config.data.sampling or adjusted:
        findings = torch.from_numpy(stated_findings(reports, cohort.info.findings))
    weights, probabilities = row_weights(config.data.sampling, codes, findings)
    provenance = dict(left_out)
    if config.data.scrub_demographics:
        # Findings are read before: what a report states does not depend on the words that go.
        scrubbed = scrub(reports)
        reports, provenance["scrub_demographics"] = scrubbed.texts, scrubbed.summary()
    sentences = _sentences(reports, tokenize) if config.data.sentences == "sample" else None
    patients = pd.factorize(table["patient_id"])[0]
    told = group_ratios(codes, findings, patients, seed=config.seed) if adjusted else {}
    statements = [prompts(finding) for finding in cohort.info.findings]
    return TrainData(
        images=as_images(open_images(cohort, table, size=image_size, fit=config.data.fit)),
        tokens=tokenize(reports),
        codes=codes,
        group_counts=counts,
        findings=findings,
        prompt_tokens=[(tokenize(positive), tokenize(negative)) for positive, negative in statements],
        weights=weights,
        probabilities=probabilities,
        patients=patients,
        **told,
        index=hashlib.sha256("\n".join(table["image_id"]).encode()).hexdigest(),
        sentences=sentences,
        provenance=provenance,
    )


def _sentences(reports: Sequence[str], tokenize: Callable[[Sequence[str]], Tensor]) -> Sentences:
    texts, members, starts = sentence_table(reports)
    return Sentences(tokenize(texts), members, starts)


def wanted_attributes(config: Config) -> list[str]:
    """The attributes that a run reads: none for plain CLIP on natural batches.

    Raises:
        ConfigError: the configuration needs some and names none.
    """
    needs = [
        f"{key}: {value}"
        for key, value, idle in (
            ("objective.fairness", config.objective.fairness, "none"),
            ("objective.negatives", config.objective.negatives, "all"),
            ("data.sampling", config.data.sampling, "natural"),
        )
        if value != idle
    ]
    if needs and not config.objective.attributes:
        raise ConfigError(
            f"objective.attributes is empty, and {needs[0]} needs some: name the sensitive attributes"
        )
    return config.objective.attributes if needs else []
