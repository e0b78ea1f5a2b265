"""CXR-CLIP: "X" against "No X" for a finding by itself, all statements of the grammar to choose one of five.

The softmax is over raw cosines, as published; for one of five the mean cosine to every statement decides. Pneumonia
has its own pair, which the authors use for the RSNA challenge. "No No Finding" is turned round (our choice).
"""

from adfair.evaluation.protocols.grammar import statements
from adfair.evaluation.protocols.protocol import PromptProtocol, Question, plain

PNEUMONIA = ("Findings suggesting pneumonia.",), ("No evidence of pneumonia",)
REPAIRED = 'No Finding is asked as "No Finding" against "Finding": the template alone inverts it'


def question(finding: str) -> Question:
    """``X`` against ``No X``; to choose among findings, the grammar's statements."""
    name = finding.strip().replace("_", " ")
    if plain(finding) == "pneumonia":
        return Question(*PNEUMONIA, classes=(name,))
    if plain(finding) == "no finding":
        return Question((name,), ("Finding",), classes=(name,), note=REPAIRED)
    return Question((name,), (f"No {name}",), classes=statements(finding, mended=True) or (name,))


PROTOCOL = PromptProtocol("cxr_clip", "You et al., CXR-CLIP, MICCAI 2023", question, pooling="mean")
