"""The training split as a frozen model sees it: what a correction of embeddings is fitted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adfair.data.exclusion import without_excluded
from adfair.data.manifest import Cohort, group_codes, load_cohort
from adfair.errors import ConfigError, DataError
from adfair.evaluation.subject import Subject
from adfair.models.adapters.load import load_towers
from adfair.objectives.independence import independence_weights

FEWEST = 10
"""Patients of a group without which an attribute is not worth a correction (our choice)."""


@dataclass(frozen=True)
class Frozen:
    """The ``train`` split as a frozen model sees it.

    Attributes:
        subject: the model and the cohort.
        emb: [N, D] embeddings of its images. patients: [N] ids.
        groups: names by attribute. codes: int64 [N] by attribute, -1 unknown.
        weights: [N] by attribute, see ``independence_weights``; ones where findings are not to be kept.
        cells: int64 [N], the combination of groups.
        left_out: listed patients that are not in it, see ``without_excluded``.
    """

    subject: Subject
    emb: np.ndarray
    patients: np.ndarray
    groups: Mapping[str, list[str]]
    codes: Mapping[str, np.ndarray]
    weights: Mapping[str, np.ndarray]
    cells: np.ndarray
    left_out: Mapping[str, Any]

    def part(self, rows: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Embeddings, codes and weights of some rows."""
        codes, weights = ({a: each[rows] for a, each in of.items()} for of in (self.codes, self.weights))
        return self.emb[rows], codes, weights


def freeze(model: Path | str, data: Path | str, attributes: Sequence[str], *, keep_findings: bool) -> Frozen:
    """Check model, cohort and attributes, then embed the training split.

    Args:
        attributes: all that the cohort declares where empty.
        keep_findings: weigh rows by ``independence_weights``.

    Raises:
        ConfigError: the cohort lacks an attribute, or the model has a correction already.
        DataError: fewer than two groups of an attribute have ``FEWEST`` patients.
    """
    towers = load_towers(model)
    # Patients of a balanced test set must not shape a correction either.
    kept, left_out = without_excluded(load_cohort(data))
    subject = Subject(towers, kept)
    cohort = subject.cohort
    groups = cohort.info.groups_of(attributes)
    table = cohort.split("train")
    codes = {name: _codes(cohort, table, name) for name in groups}
    if towers.posthoc is not None:
        raise ConfigError(f"{model}: has a post hoc correction already; name the model it was made from")
    truth = subject.labels("train")
    weights = {
        name: independence_weights(each, truth) if keep_findings else np.ones(len(each))
        for name, each in codes.items()
    }
    _, cells = np.unique(np.stack(list(codes.values()), axis=1), axis=0, return_inverse=True)
    patients = table["patient_id"].to_numpy()
    emb = subject.image_emb("train")
    return Frozen(subject, emb, patients, groups, codes, weights, cells.reshape(-1), left_out)


def _codes(cohort: Cohort, table: pd.DataFrame, name: str) -> np.ndarray:
    codes = group_codes(table[name], cohort.info.attributes[name])
    patients = table["patient_id"].groupby(codes).nunique()
    if (patients[patients.index >= 0] >= FEWEST).sum() < 2:
        raise DataError.at(
            f"fewer than two groups have {FEWEST} known patients in the split 'train'",
            file=cohort.root,
            column=name,
            remedy="Name the attributes to correct, without this one.",
        )
    return codes
