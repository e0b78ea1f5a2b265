"""Sentences for images without a report, made from their labels.

Our choice, declared here once: every finding labelled 1 or -1 gets a sentence, of those labelled 0 at most
three (a report does not list all that is absent), and a finding that is not mentioned gets none. Sentences
come in a random order and wording, drawn from the image's id and a seed alone, so that an image keeps its
text whichever rows stand around it. Wordings are the ones that zero-shot prompts ask about. None of them
speaks of the view, the technique or the patient: that would hand the model a shortcut that no label
carries.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

PRESENT = ("{}.", "Findings consistent with {}.", "There is {}.", "Signs of {}.", "{} is present.")
ABSENT = ("No {}.", "No evidence of {}.", "Without {}.", "There is no {}.", "{} is absent.")
UNCERTAIN = ("{} cannot be excluded.", "Questionable {}.", "Equivocal for {}.", "{} is uncertain.")
NORMAL = (
    "No acute cardiopulmonary process.",
    "Normal chest radiograph.",
    "No finding.",
    "Unremarkable study.",
)
ABNORMAL = ("Abnormal chest radiograph.", "There is an abnormal finding.", "Abnormal study.")
PERHAPS_NORMAL = ("Normality is uncertain.", "An abnormal finding cannot be excluded.")
NOTHING_STATED = "Chest radiograph."
MAX_NEGATIONS = 3

_NO_FINDING = "no finding"
# Odd constants of the splitmix64 generator, which turns (key, counter) into well-mixed bits without state.
_STEP, _MIX_A, _MIX_B = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def label_sentences(labels_row: np.ndarray, findings: Sequence[str], *, seed: int) -> str:
    """The text of one image.

    Args:
        labels_row: [F] with 1, 0, -1 and NaN.
        findings: [F] names; ``No Finding`` is worded as normal or abnormal.
        seed: 0 to 2^64 - 1; decides wording and order.

    Returns:
        One or more sentences, never empty.
    """
    return _compose(np.atleast_2d(labels_row), findings, keys=np.array([seed], dtype=np.uint64))[0]


def label_reports(
    labels: np.ndarray, findings: Sequence[str], *, image_ids: Iterable[str], seed: int = 0
) -> list[str]:
    """The texts of many images, each a function of its labels, its id and the seed alone.

    Args:
        labels: [N, F] with 1, 0, -1 and NaN (``adfair.data.manifest.labels``).
        findings: [F] names.
        image_ids: [N].
        seed: another seed draws other wordings for every image.
    """
    keys = np.fromiter((image_key(image_id, seed=seed) for image_id in image_ids), dtype=np.uint64)
    assert len(keys) == len(labels), "one image_id a row"
    return _compose(labels, findings, keys=keys)


def image_key(image_id: str, *, seed: int) -> int:
    """The seed of one image's text: 64 bits of a hash of the id and the seed."""
    digest = hashlib.blake2b(f"{seed}:{image_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _compose(labels: np.ndarray, findings: Sequence[str], *, keys: np.ndarray) -> list[str]:
    words = [finding.strip().lower().replace("_", " ") for finding in findings]
    kept = _drop_surplus_negations(labels, words, keys=keys)
    pieces = np.stack([_pieces(kept[:, f], word, _bits(keys, f)) for f, word in enumerate(words)], axis=1)
    order = np.argsort(np.stack([_bits(keys, len(words) + f) for f in range(len(words))], axis=1), axis=1)
    shuffled = np.take_along_axis(pieces, order, axis=1)
    return [" ".join(filter(None, row)) or NOTHING_STATED for row in shuffled.tolist()]


def _drop_surplus_negations(labels: np.ndarray, words: list[str], *, keys: np.ndarray) -> np.ndarray:
    negated = (labels == 0) & (np.array(words) != _NO_FINDING)
    draw = np.stack([_bits(keys, 2 * len(words) + f) for f in range(len(words))], axis=1)
    draw = np.where(negated, draw, np.iinfo(np.uint64).max)
    rank = draw.argsort(axis=1).argsort(axis=1)
    return np.where(negated & (rank >= MAX_NEGATIONS), np.nan, labels)


def _pieces(labels: np.ndarray, word: str, bits: np.ndarray) -> np.ndarray:
    """One sentence or the empty string for each image: object [N]."""
    out = np.full(len(labels), "", dtype=object)
    for value, templates in _wordings(word).items():
        rows = labels == value
        sentences = np.array([_sentence(template, word) for template in templates], dtype=object)
        out[rows] = sentences[(bits[rows] % np.uint64(len(templates))).astype(np.int64)]
    return out


def _wordings(word: str) -> dict[int, tuple[str, ...]]:
    if word == _NO_FINDING:
        return {1: NORMAL, 0: ABNORMAL, -1: PERHAPS_NORMAL}
    return {1: PRESENT, 0: ABSENT, -1: UNCERTAIN}


def _sentence(template: str, word: str) -> str:
    text = template.format(word)
    return text[0].upper() + text[1:]


def _bits(keys: np.ndarray, counter: int) -> np.ndarray:
    """uint64 [N]: the ``counter``-th draw of every image's own stream."""
    with np.errstate(over="ignore"):
        x = keys + np.uint64(counter + 1) * _STEP
        x = (x ^ (x >> np.uint64(30))) * _MIX_A
        x = (x ^ (x >> np.uint64(27))) * _MIX_B
        return x ^ (x >> np.uint64(31))
