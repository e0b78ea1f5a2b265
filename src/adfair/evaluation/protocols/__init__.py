"""How findings are asked for without training: one file for each published way of doing it, and our own.

Every protocol asks all of its statements, draws none at random, and scores an image by that image alone, so that a
result depends neither on a seed nor on which images are evaluated together.
"""

from adfair.errors import ConfigError
from adfair.evaluation.protocols import biovil, chexzero, cxr_clip, gloria, medclip, ours
from adfair.evaluation.protocols.protocol import PromptProtocol, Question

PROMPTS: dict[str, PromptProtocol] = {
    module.PROTOCOL.name: module.PROTOCOL for module in (ours, chexzero, gloria, medclip, cxr_clip, biovil)
}


def prompt_protocols(names: str) -> list[PromptProtocol]:
    """The protocols of a comma-separated list of names, or of ``all``. Raises ConfigError."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if wanted == ["all"]:
        return list(PROMPTS.values())
    unknown = [name for name in wanted if name not in PROMPTS]
    if unknown or not wanted:
        raise ConfigError(f"prompts '{names}': choose of {', '.join(PROMPTS)}, or all")
    return [PROMPTS[name] for name in dict.fromkeys(wanted)]


__all__ = ["PROMPTS", "PromptProtocol", "Question", "prompt_protocols"]
