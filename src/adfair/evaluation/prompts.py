"""What a finding is called when a model is asked about it without training: our prompt ensemble."""

from collections.abc import Sequence

# Our choice: a handful of plain statements, as reports would word them, averaged. Findings that radiologists
# also call by another name get that name too.
POSITIVE = ("{}.", "There is {}.", "Mild {}.", "Moderate {}.", "Severe {}.")
NEGATIVE = ("No {}.", "No evidence of {}.", "Without {}.", "There is no {}.")
SYNONYMS = {
    "atelectasis": ("atelectasis", "basilar atelectasis"),
    "cardiomegaly": ("cardiomegaly", "cardiac enlargement"),
    "consolidation": ("consolidation", "airspace consolidation"),
    "edema": ("edema", "pulmonary edema"),
    "pleural effusion": ("pleural effusion",),
}


def prompts(finding: str) -> tuple[list[str], list[str]]:
    """Positive and negative statements about a finding, in a fixed order.

    A finding named ``No Finding`` is asked the other way round: its positive statements say that the film is
    normal, so that its score rises with normality (CheXzero's template inverts it).
    """
    name = finding.strip().lower().replace("_", " ")
    if name == "no finding":
        normal = ["No acute cardiopulmonary process.", "Normal chest radiograph.", "No finding."]
        return normal, ["Abnormal chest radiograph.", "There is an abnormal finding."]
    words = SYNONYMS.get(name, (name,))
    positive = [_sentence(template, word) for word in words for template in POSITIVE]
    return positive, [_sentence(template, word) for word in words for template in NEGATIVE]


def _sentence(template: str, word: str) -> str:
    text = template.format(word)
    return text[0].upper() + text[1:]


WORDS = {"F": "female", "M": "male"}


def group_prompts(groups: Sequence[str], *, finding: str = "") -> list[str]:
    """A statement about a patient of each group, with a finding or without, in the order of the groups."""
    tail = f" with {finding.strip().lower().replace('_', ' ')}" if finding else ""
    return [f"A chest X-ray of {_article(WORDS.get(group, group))} patient{tail}." for group in groups]


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"
