"""Finding an image's report among all reports and a report's image among all images, by group of the patient."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

_CHUNK = 1024


@dataclass(frozen=True)
class Hits:
    """For each of N queries and K cut-offs, float64 [N, K]: ``hit``, and ``chance``, what a blind model would reach."""

    hit: np.ndarray
    chance: np.ndarray


def image_to_text(image_emb: np.ndarray, text_emb: np.ndarray, texts: list[str], ks: tuple[int, ...]) -> Hits:
    """Whether an image's report is among the k most similar of all different reports.

    Equal reports are one report: which patient's copy is found tells nothing.

    Args:
        image_emb, text_emb: [N, D] unit-norm, row i of one belongs to row i of the other.
        texts: N reports.
    """
    first, own = np.unique(np.asarray(texts, dtype=object), return_index=True, return_inverse=True)[1:]
    return _hits(image_emb, text_emb[first], own, np.arange(len(first)), ks)


def text_to_image(image_emb: np.ndarray, text_emb: np.ndarray, texts: list[str], ks: tuple[int, ...]) -> Hits:
    """Whether an image with this very report is among the k most similar of all images. Args as above."""
    own = np.unique(np.asarray(texts, dtype=object), return_inverse=True)[1]
    return _hits(text_emb, image_emb, own, own, ks)


def _hits(
    queries: np.ndarray, gallery: np.ndarray, asked: np.ndarray, held: np.ndarray, ks: tuple[int, ...]
) -> Hits:
    """``asked`` [N] and ``held`` [M] number the reports: what a query looks for has the same number."""
    hit, chance = np.empty((len(queries), len(ks))), np.empty((len(queries), len(ks)))
    size, right = len(gallery), np.bincount(held, minlength=asked.max() + 1)[asked]
    for start in range(0, len(queries), _CHUNK):
        rows = slice(start, start + _CHUNK)
        similarity, wanted = queries[rows] @ gallery.T, asked[rows, None] == held
        best = np.where(wanted, similarity, -np.inf).max(axis=1, keepdims=True)
        before = ((similarity > best) & ~wanted).sum(axis=1)
        tied, level = (
            ((similarity == best) & ~wanted).sum(axis=1),
            ((similarity == best) & wanted).sum(axis=1),
        )
        for j, k in enumerate(ks):
            hit[rows, j] = _found(k - before, level, tied)
            chance[rows, j] = _found(np.full(len(before), k), right[rows], size - right[rows])
    return Hits(hit, chance)


def _found(places: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Probability that one of ``right`` equals stands in the first ``places`` of right + wrong in random order.

    Ties are thus broken fairly: a model that embeds everything alike reaches chance, neither 0 nor 1.
    """
    total = right + wrong
    taken = np.clip(places, 0, total)
    miss = np.where(taken <= wrong, _log_choose(wrong, taken) - _log_choose(total, taken), -np.inf)
    return np.where(taken == 0, 0.0, 1.0 - np.exp(miss))


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    inside = np.minimum(k, n)
    return gammaln(n + 1) - gammaln(inside + 1) - gammaln(n - inside + 1)


def recall_interval(
    hit: np.ndarray, patients: np.ndarray, *, replicates: int, level: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap interval of the mean of ``hit`` [N, K] over whole patients, the gallery as it is: two of [K]."""
    if not replicates:
        return np.full(hit.shape[1], np.nan), np.full(hit.shape[1], np.nan)
    _, unit = np.unique(patients, return_inverse=True)
    count = np.bincount(unit).astype(float)
    sums = np.stack([np.bincount(unit, column) for column in hit.T], axis=1)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(count), np.full(len(count), 1 / len(count)), size=replicates)
    means = (drawn @ sums) / (drawn @ count)[:, None]
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high


def recall_gap(hit: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Largest minus smallest group mean of ``hit`` [N, K] for codes [N], -1 left out: [K]."""
    means = [hit[codes == k].mean(axis=0) for k in np.unique(codes[codes >= 0])]
    return np.max(means, axis=0) - np.min(means, axis=0)


def null_gaps(
    hit: np.ndarray, codes: np.ndarray, patients: np.ndarray, *, permutations: int, seed: int
) -> np.ndarray:
    """Gaps [P, K] with the groups of patients shuffled: what equal groups of these sizes would show.

    A patient whose images differ in group counts as the group of the first.
    """
    known = codes >= 0
    hit, codes = hit[known], codes[known]
    _, first, unit = np.unique(patients[known], return_index=True, return_inverse=True)
    rng = np.random.default_rng(seed)
    gaps = [recall_gap(hit, rng.permutation(codes[first])[unit]) for _ in range(permutations)]
    return np.array(gaps).reshape(permutations, hit.shape[1])
