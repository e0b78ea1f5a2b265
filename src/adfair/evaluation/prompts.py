"""What a finding is called when a model is asked about it without training: our prompt ensemble."""

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
