"""The gap that identical groups of these sizes would show: permutation of the attribute among patients.

Null hypothesis of the ``labelled`` permutations: given a patient's status for the finding (has a positive
image, has a negative image, both), the scores are exchangeable between groups. It is what equal AUCs and
equalized odds claim; ``joint`` ones hold the status for all findings at once, for means over findings. Null of
the ``selection`` permutations: the scores are exchangeable without regard to the finding, which is what
demographic parity claims. All are among patients with about as many images (1, 2-3, 4-7, ...): of eight films
of a patient the group's figures learn less than of eight patients. The units permuted are patients; a patient
whose group changes between images is one unit per group. Patients of unknown group stay out, as they do in the
gaps.
"""

from dataclasses import dataclass

import numpy as np

from adfair.auditing.attributes import Attribute
from adfair.auditing.cells import SortedRows, sort_rows, valid_rows
from adfair.auditing.exchange import exchange_strata, exchangeable
from adfair.auditing.predictions import Predictions
from adfair.auditing.settings import Settings
from adfair.auditing.statistics import ALL, METRICS, evaluate, mark_underdiagnosis, run_blocks
from adfair.metrics.lanes import LANES
from adfair.metrics.resampling import permuted_codes

_LABELLED = ALL - {"auprc"}
_SELECTION = frozenset({"rates"})


@dataclass(frozen=True)
class Units:
    """What is permuted: ``of_image`` [N], each image's unit (-1 none); ``codes`` [U], its group."""

    of_image: np.ndarray
    codes: np.ndarray
    split_patients: int


@dataclass(frozen=True)
class Null:
    """Group metrics [R, F, G, M] under permutation: by finding, jointly for means, for selection rates.

    ``overlap``: of each of them the (smallest) share of units that have a like in another group.
    """

    labelled: np.ndarray
    joint: np.ndarray
    selection: np.ndarray
    overlap: dict[str, float]


def attribute_units(predictions: Predictions, attribute: Attribute) -> Units:
    """Distinct (patient, group) pairs among images of known group."""
    known = attribute.codes >= 0
    pairs = predictions.patient.astype(np.int64) * len(attribute.groups) + attribute.codes
    values, unit = np.unique(pairs[known], return_inverse=True)
    of_image = np.full(predictions.images, -1, dtype=np.int64)
    of_image[known] = unit
    _, per_patient = np.unique(values // max(len(attribute.groups), 1), return_counts=True)
    codes = (values % max(len(attribute.groups), 1)).astype(np.min_scalar_type(len(attribute.groups)))
    return Units(of_image, codes, int((per_patient > 1).sum()))


def permute(
    predictions: Predictions, attribute: Attribute, units: Units, thresholds: np.ndarray, settings: Settings
) -> Null:
    """Permutation distributions of one attribute's group metrics."""
    strata = _strata(predictions, units)
    tables = [
        sort_rows(
            predictions.labels[rows, f],
            predictions.scores[rows, f],
            units.of_image[rows],
            threshold=thresholds[f],
            bins=settings.ece_bins,
            binning=settings.ece_binning,
        )
        for f in range(len(predictions.findings))
        for rows in [valid_rows(predictions, f, units.of_image, np.ones(predictions.images, dtype=bool))]
    ]
    groups = len(attribute.groups)
    labelled = _permuted(tables, strata["labelled"], units, groups, settings, _LABELLED)
    single = len(tables) == 1
    shared = labelled if single else _permuted(tables, strata["joint"], units, groups, settings, _LABELLED)
    selection = _permuted(tables, strata["selection"], units, groups, settings, _SELECTION)
    for values in {id(x): x for x in (labelled, shared, selection)}.values():
        mark_underdiagnosis(values, predictions.findings)
    overlap = {kind: min(exchangeable(s, units.codes) for s in each) for kind, each in strata.items()}
    return Null(labelled, shared, selection, overlap)


def _strata(predictions: Predictions, units: Units) -> dict[str, list[np.ndarray]]:
    """For the three kinds of shuffle, named as in ``Null``, the strata [U] of each finding."""
    status = _finding_status(predictions, units)
    known = units.of_image[units.of_image >= 0]
    size = np.log2(np.bincount(known, minlength=len(units.codes))).astype(np.int64)[:, None]
    nowhere = np.zeros(len(units.codes), dtype=np.int64)
    traits = np.column_stack([status & 1, status & 2, size])
    count = len(predictions.findings)
    return {
        "labelled": [exchange_strata(each, size, units.codes) for each in status.T],
        "joint": [exchange_strata(nowhere, traits, units.codes)] * count,
        "selection": [exchange_strata(nowhere, size, units.codes)] * count,
    }


def _finding_status(predictions: Predictions, units: Units) -> np.ndarray:
    """[U, F]: 0 no label, 1 negatives only, 2 positives only, 3 both."""
    status = np.zeros((len(units.codes), len(predictions.findings)), dtype=np.int64)
    known = units.of_image >= 0
    for f in range(status.shape[1]):
        label = predictions.labels[:, f]
        for value, mark in ((0, 1), (1, 2)):
            members = np.unique(units.of_image[known & (label == value)])
            status[members, f] += mark
    return status


def _permuted(
    tables: list[SortedRows],
    strata: list[np.ndarray],
    units: Units,
    groups: int,
    settings: Settings,
    kinds: frozenset[str],
) -> np.ndarray:
    """Metrics [permutations, F, G, M]; equal strata give equal shuffles: findings permuted jointly."""
    blocks = range(1, settings.null_replicates + 1, LANES)
    out = np.empty((len(blocks) * LANES, len(tables), groups, len(METRICS)))
    plans = [_strata_order(s) for s in strata]

    def block(first: int) -> None:
        codes = np.empty((len(units.codes), LANES), dtype=units.codes.dtype)
        for f, rows in enumerate(tables):
            if f == 0 or strata[f] is not strata[f - 1]:
                order, offsets = plans[f]
                permuted_codes(units.codes, offsets, order, settings.seed, first, codes)
            for g in range(groups):
                weights = (codes == g).astype(np.uint8)
                out[first - 1 : first - 1 + LANES, f, g] = evaluate(rows, weights, kinds).T

    run_blocks(block, blocks, threads=settings.workers)
    return out[: settings.null_replicates]


def _strata_order(strata: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, counts = np.unique(strata, return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return np.argsort(strata, kind="stable").astype(np.int64), offsets
