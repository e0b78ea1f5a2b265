"""What a zero-shot protocol is: the statements it compares an image with, and how their similarities become scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from adfair.evaluation.zero_shot import mean_direction, two_way, zero_shot_scores

Pooling = Literal["embedding", "mean", "max"]
Embed = Callable[[list[str]], np.ndarray]
"""Texts -> unit-norm float32 [n, D]."""


@dataclass(frozen=True)
class Question:
    """The statements about one finding.

    Attributes:
        positive: they affirm it. negative: they deny it; empty where the protocol asks for likeness alone.
        classes: what the finding is told from the others by, one class an image; ``positive`` where empty.
        note: what a reader of the score must know.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class PromptProtocol:
    """A named way of asking.

    Attributes:
        name: as in ``--prompts``. source: who published it.
        question: finding as the cohort calls it -> statements.
        pooling: how several statements become one similarity: the cosine to their normalised mean ``embedding``
            (every question then has denials), or the ``mean`` or the ``max`` of their cosines.
        scaled: whether similarities are multiplied by the model's logit scale before the softmax.
    """

    name: str
    source: str
    question: Callable[[str], Question]
    pooling: Pooling = "embedding"
    scaled: bool = False


@dataclass(frozen=True)
class ZeroShot:
    """Scores [N, F] of N images: ``multi_label`` for each finding by itself, ``classes`` to choose one among F by."""

    multi_label: np.ndarray
    classes: np.ndarray


def score(
    protocol: PromptProtocol,
    image_emb: np.ndarray,
    findings: Sequence[str],
    embed: Embed,
    *,
    logit_scale: float,
) -> ZeroShot:
    """Zero-shot scores of images by one protocol; an image's scores depend on that image alone.

    Where there are denials the score is the softmax over (affirmed, denied), in (0, 1) but not calibrated; else it is
    the cosine less one, in [-2, 0], which no audit can take for a probability. To choose one finding an image,
    statements that the protocol has for that are compared by their cosines; without any, the scores are.

    Args:
        image_emb: [N, D] unit-norm rows. findings: F names, the order of the columns.
        logit_scale: 1 / temperature of the model.
    """
    questions = [protocol.question(finding) for finding in findings]
    scale = logit_scale if protocol.scaled else 1.0
    if protocol.pooling == "embedding":
        sides = [[mean_direction(embed(list(s))) for s in (q.positive, q.negative)] for q in questions]
        scores = zero_shot_scores(image_emb, np.asarray(sides, dtype=np.float32), logit_scale=scale)
        return ZeroShot(scores, scores)

    def pooled(statements: Sequence[str]) -> np.ndarray:
        cosines = image_emb @ embed(list(statements)).T
        return np.asarray(
            cosines.mean(axis=1, dtype=np.float64) if protocol.pooling == "mean" else cosines.max(axis=1),
            dtype=np.float64,
        )

    columns, classes = [], []
    for question in questions:
        column = pooled(question.positive)
        column = two_way(scale * (column - pooled(question.negative))) if question.negative else column - 1.0
        columns.append(column)
        classes.append(pooled(question.classes) if question.classes else column)
    return ZeroShot(np.stack(columns, axis=1), np.stack(classes, axis=1))


def plain(finding: str) -> str:
    """A cohort's name of a finding as words in lower case: ``Pleural_Effusion`` -> ``pleural effusion``."""
    return finding.strip().lower().replace("_", " ")
