"""One sentence of a report at a time: pieces of text, and which of them a step sees."""

import re
from collections.abc import Sequence

import numpy as np

_ENDS = re.compile(r"(?<=[.!?])\s+(?=[^a-z\d])|\n+")
_LISTED = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•])\s*")
FEWEST_WORDS = 2


def split_sentences(report: str) -> list[str]:
    """The sentences of a report, list marks taken off; the whole report where none has two words (our choice).

    A full stop ends a sentence only before something that is no small letter and no figure, so that "approx. 3 cm"
    stays whole.
    """
    pieces = [_LISTED.sub("", piece).strip() for piece in _ENDS.split(report)]
    kept = [piece for piece in pieces if len(piece.split()) >= FEWEST_WORDS]
    return kept or [report]


def sentence_table(reports: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Every distinct sentence once, and which belong to each report.

    Returns:
        Sentences [M]; int64 [T], positions in them of all reports' sentences, one report after the other; int64
        [N + 1], where each report's begin in that list.
    """
    known: dict[str, int] = {}
    members: list[int] = []
    starts = [0]
    for report in reports:
        members += [known.setdefault(sentence, len(known)) for sentence in split_sentences(report)]
        starts.append(len(members))
    return list(known), np.array(members, dtype=np.int64), np.array(starts, dtype=np.int64)


def drawn_sentences(rows: np.ndarray, starts: np.ndarray, *, seed: int, step: int) -> np.ndarray:
    """A sentence for each row of a batch, evenly drawn: int64 [B], positions in the members of ``sentence_table``.

    A function of its arguments alone, so a run resumes at any step and all processes draw alike.
    """
    share = np.random.default_rng([seed, step, 1]).random(len(rows))
    return starts[rows] + (share * (starts[rows + 1] - starts[rows])).astype(np.int64)
