"""The Tip-Adapter cache: zero-shot log-odds plus how near an image is to the few labelled ones."""

from collections.abc import Mapping, Sequence

import numpy as np

from adfair.evaluation.splits import Splits, validation
from adfair.metrics.ranking import auc

SHARPNESS = (1.0, 3.0, 5.5, 10.0, 20.0)
"""Beta searched; 5.5 where nothing validates, Tip-Adapter's own start."""
TRUST = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Alpha searched; 1 where nothing validates, Tip-Adapter's own start."""
_CELLS = 1 << 20
"""Affinities held at a time, so that they stay in the processor's cache whatever the cohort's size."""


def tip_adapter(splits: Splits, taught: Mapping[int, np.ndarray]) -> np.ndarray:
    """Zero-shot log-odds + alpha (mean affinity to positives - mean affinity to negatives), [M, F].

    The affinity is exp(-beta (1 - cosine)). Means instead of the published sums (our choice), so that alpha
    means the same for any number of images and for unequal numbers of both labels. Both settings are those of
    the best AUC on validation images; ties go to the earlier one.

    Args:
        splits: unit-norm embeddings.
        taught: finding -> int [n], rows of the training split with both labels; other findings are NaN.

    Source: Zhang et al., Tip-Adapter, ECCV 2022, equations 3 to 6, for one finding against its absence.
    """
    out = np.full(splits.test.prior.shape, np.nan)
    chosen = _settings(splits, taught)
    for beta in sorted({beta for beta, _ in chosen.values()}):
        same = {f: rows for f, rows in taught.items() if chosen[f][0] == beta}
        added = affinities(splits, splits.test.emb, same, (beta,))[0]
        for k, f in enumerate(same):
            out[:, f] = splits.test.prior[:, f] + chosen[f][1] * added[:, k]
    return out


def _settings(splits: Splits, taught: Mapping[int, np.ndarray]) -> dict[int, tuple[float, float]]:
    """(beta, alpha) of each finding."""
    known = {f: validation(splits.val, f) for f in taught}
    checked = {f: taught[f] for f, found in known.items() if found is not None}
    best = dict.fromkeys(taught, (-1.0, SHARPNESS[2], 1.0))
    if splits.val is not None and checked:
        added = affinities(splits, splits.val.emb, checked, SHARPNESS)
        for k, (f, found) in enumerate((f, known[f]) for f in checked):
            assert found is not None
            rows, truth = found
            prior = splits.val.prior[rows, f]
            for beta, column in zip(SHARPNESS, added[:, rows, k], strict=True):
                for alpha in TRUST:
                    value = auc(truth, prior + alpha * column)
                    best[f] = best[f] if value <= best[f][0] else (value, beta, alpha)
    return {f: (beta, alpha) for f, (_, beta, alpha) in best.items()}


def affinities(
    splits: Splits, emb: np.ndarray, taught: Mapping[int, np.ndarray], betas: Sequence[float]
) -> np.ndarray:
    """Mean affinity of images [N, D] to positives less that to negatives, [len(betas), N, len(taught)].

    An image that several findings were taught by is compared once, and the means are one product with
    weights, so that all findings cost little more than the largest.
    """
    rows = np.unique(np.concatenate(list(taught.values())))
    weights = np.zeros((len(rows), len(taught)), dtype=np.float32)
    for k, (f, own) in enumerate(taught.items()):
        y, place = splits.train.labels[own, f] == 1, np.searchsorted(rows, own)
        weights[place, k] = np.where(y, 1.0 / y.sum(), -1.0 / (~y).sum())
    keys = _unit(splits.train.emb[rows]).T
    out = np.empty((len(betas), len(emb), len(taught)), dtype=np.float32)
    step = max(1, _CELLS // len(rows))
    for start in range(0, len(emb), step):
        nearness = _unit(emb[start : start + step]) @ keys - np.float32(1.0)
        for b, beta in enumerate(betas):
            out[b, start : start + step] = np.exp(np.float32(beta) * nearness) @ weights
    return out


def _unit(emb: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(emb, axis=1, keepdims=True)
    return (emb / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
