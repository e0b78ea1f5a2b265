"""CheXzero's pair: the name of a finding against "no" and the name.

The published evaluation takes the softmax of the raw cosines, without the logit scale, and names findings as the
CheXpert header does. It asks for No Finding with the same template, so that "no No Finding" stands for a finding and
the score falls with normality. That is repaired here: the pair of No Finding is turned round (our choice).
"""

from adfair.evaluation.protocols.protocol import PromptProtocol, Question, plain

REPAIRED = 'No Finding is asked as "No Finding" against "Finding": the template alone inverts it'


def question(finding: str) -> Question:
    """``X`` against ``no X``."""
    name = finding.strip().replace("_", " ")
    if plain(finding) == "no finding":
        return Question((name,), ("Finding",), note=REPAIRED)
    return Question((name,), (f"no {name}",))


PROTOCOL = PromptProtocol("chexzero", "Tiu et al., Nature Biomedical Engineering 2022", question)
