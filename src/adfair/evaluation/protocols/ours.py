"""Our ensemble: plain statements as reports word them, averaged; see ``adfair.evaluation.prompts``."""

from adfair.evaluation.prompts import prompts
from adfair.evaluation.protocols.protocol import PromptProtocol, Question


def question(finding: str) -> Question:
    """Affirmations and denials, with a second name for findings that have one."""
    positive, negative = prompts(finding)
    return Question(tuple(positive), tuple(negative))


PROTOCOL = PromptProtocol("ours", "our choice", question, scaled=True)
