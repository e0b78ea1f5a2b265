"""``--fail-if`` conditions: ``equalized_odds_difference[race] > .1`` and the like."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adfair.auditing.result import Audit
from adfair.errors import ConfigError

_FORM = re.compile(
    r"\s*([\w@]+)\s*(?:\[([^\]]*)\])?\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """A figure of the audit, ``place`` as it stands in the brackets, and the bound that makes it unacceptable."""

    metric: str
    place: str
    sign: str
    bound: float

    def readings(self) -> list[tuple[str, str, str]]:
        """What the place may mean, as attribute, group and finding: groups such as ``White, non-Hispanic`` hold commas."""
        commas = [k for k, character in enumerate(self.place) if character == ","]
        found = []
        for cut in [len(self.place), *commas[::-1]]:
            attribute, _, group = self.place[:cut].partition("=")
            found.append((attribute.strip(), group.strip(), self.place[cut + 1 :].strip() or "mean"))
        return found


def parse_condition(text: str) -> Condition:
    """Read ``METRIC[ATTRIBUTE] > NUMBER``; in the brackets also ``race=Black`` (a group) and ``race, Edema``.

    Without a finding the mean over findings is meant. Raises ConfigError when the text has another form.
    """
    match = _FORM.fullmatch(text)
    if not match:
        raise ConfigError(f"--fail-if '{text}': expected for example 'equalized_odds_difference[race] > .1'")
    metric, inside, sign, bound = match.groups()
    return Condition(metric, (inside or "").strip(), sign, float(bound))


def held(condition: Condition, audit: Audit) -> str:
    """What made the condition hold, as a sentence; empty when it does not hold.

    An undefined figure holds too: it has not been shown to be acceptable. Raises ConfigError when the audit
    has no such figure.
    """
    for attribute, group, finding in condition.readings():
        try:
            value = audit.value(condition.metric, finding=finding, attribute=attribute, group=group)
        except KeyError:
            continue
        where = f"{condition.metric}[{'='.join(filter(None, (attribute, group)))}, {finding}]"
        if np.isnan(value):
            return f"{where} is undefined"
        failed = _COMPARE[condition.sign](value, condition.bound)
        return f"{where} = {value:.4f} {condition.sign} {condition.bound:g}" if failed else ""
    raise ConfigError(f"--fail-if: the audit has no figure {condition.metric}[{condition.place}]")
