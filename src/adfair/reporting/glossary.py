"""The words that a reader may not know, and the links to them from the page's own sentences."""

import re
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Term:
    """``key`` is its anchor; ``words`` are the spellings that the page's sentences are linked from."""

    key: str
    name: str
    meaning: str
    words: tuple[str, ...]


TERMS = (
    Term(
        "auc",
        "AUC",
        "The chance that an image with the finding scores above one without it. .500 is guessing, 1.000 is perfect.",
        ("AUC", "AUCs"),
    ),
    Term(
        "rates",
        "True and false positive rate",
        "The share of images with the finding that are flagged, and the share without it that are. Both move with the "
        "threshold.",
        ("true positive rate", "false positive rate", "true and false positive rate"),
    ),
    Term(
        "roc",
        "ROC curve",
        "True against false positive rate at every threshold. A curve nearer the upper left corner ranks better; groups "
        "at different points of one curve get different errors from one threshold.",
        ("ROC curve",),
    ),
    Term(
        "calibration",
        "Calibration",
        "Whether of the images scored near .3 about 30 % have the finding. Points on the diagonal say yes.",
        ("calibration", "calibrated"),
    ),
    Term(
        "deo",
        "Equalized odds difference",
        "At the chosen thresholds, the larger of two gaps between groups: in true positive rate and in false positive "
        "rate. 0 means that all groups are treated alike.",
        ("equalized odds difference", "equalized odds"),
    ),
    Term(
        "chance",
        "Expected by chance",
        "The average gap when group labels are shuffled, so that no group is truly different. A gap at this level is no "
        "evidence of unfairness, and none of fairness either.",
        ("expected by chance", "chance alone"),
    ),
    Term(
        "es-auc",
        "ES-AUC",
        "AUC divided by one plus the summed distances of the groups' AUCs from it: accuracy that pays for inequality.",
        ("ES-AUC",),
    ),
    Term(
        "worst",
        "Worst-group AUC",
        "The AUC of the group served worst. It exposes levelling down, a gap that closes because others do worse.",
        ("Worst-group AUC", "AUC of the worst-served group"),
    ),
    Term(
        "leakage",
        "Leakage",
        "How well a fresh classifier reads the group from the embedding. It is about what is encoded, not about how "
        "patients are treated.",
        ("Leakage", "leakage"),
    ),
    Term(
        "embedding",
        "Embedding",
        "The list of numbers that the model turns an image into; findings are read from it.",
        ("embedding", "embeddings"),
    ),
    Term(
        "adversary",
        "Adversary",
        "A small network that tries to read the group from the embedding while the model learns to give it nothing.",
        ("adversary", "Adversary"),
    ),
    Term(
        "interval",
        "Brackets and bars",
        "Bootstrap intervals over patients, 95 % unless the run says otherwise. Overlapping intervals mean that the "
        "table alone does not settle which value is larger.",
        ("intervals", "interval"),
    ),
    Term(
        "mean",
        "Mean",
        "The average over findings of the metric computed for each finding on its own.",
        ("mean over findings",),
    ),
)
_KEYS = {word: term.key for term in TERMS for word in term.words}
_PATTERN = re.compile(
    r"(?<![\w-])(" + "|".join(sorted(map(re.escape, _KEYS), key=len, reverse=True)) + r")(?![\w-])"
)


def glossed(text: str) -> Markup:
    """``text`` escaped, with the first mention of each term linked to its meaning."""
    seen: set[str] = set()

    def link(match: re.Match[str]) -> str:
        key = _KEYS[match[0]]
        if key in seen:
            return match[0]
        seen.add(key)
        return f'<a class="term" href="#term-{key}" aria-describedby="term-{key}">{match[0]}</a>'

    return Markup(_PATTERN.sub(link, str(escape(text))))
