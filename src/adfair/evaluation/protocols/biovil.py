"""BioViL's phrases: four that affirm and four that deny, each side's mean embedding normalised.

They were written for pneumonia; other findings take its place in them (our choice). Published results read the
difference of the two cosines; the softmax here orders images the same way.
"""

from adfair.evaluation.protocols.protocol import PromptProtocol, Question, plain

POSITIVE = (
    *("Findings consistent with {}", "Findings suggesting {}"),
    *("This opacity can represent {}", "Findings are most compatible with {}"),
)
NEGATIVE = ("There is no {}", "No evidence of {}", "No evidence of acute {}", "No signs of {}")
NORMAL = 'No Finding is asked about "abnormality" with the two sides exchanged'


def question(finding: str) -> Question:
    """The eight phrases about a finding; No Finding is the absence of an abnormality."""
    if plain(finding) == "no finding":
        affirm, deny = ([text.format("abnormality") for text in side] for side in (NEGATIVE, POSITIVE))
        return Question(tuple(affirm), tuple(deny), note=NORMAL)
    affirm, deny = ([text.format(plain(finding)) for text in side] for side in (POSITIVE, NEGATIVE))
    return Question(tuple(affirm), tuple(deny))


PROTOCOL = PromptProtocol("biovil", "Boecking et al., BioViL, ECCV 2022", question)
