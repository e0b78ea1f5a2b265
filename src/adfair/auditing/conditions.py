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
    """A figure of the audit and the bound that makes it unacceptable."""

    metric: str
    attribute: str
    group: str
    finding: str
    sign: str
    bound: float


def parse_condition(text: str) -> Condition:
    """Read ``METRIC[ATTRIBUTE] > NUMBER``; in the brackets also ``race=Black`` (a group) and ``race, Edema``.

    Without a finding the mean over findings is meant. Raises ConfigError when the text has another form.
    """
    match = _FORM.fullmatch(text)
    if not match:
        raise ConfigError(f"--fail-if '{text}': expected for example 'equalized_odds_difference[race] > .1'")
    metric, inside, sign, bound = match.groups()
    place, _, finding = (inside or "").partition(",")
    attribute, _, group = place.partition("=")
    return Condition(metric, attribute.strip(), group.strip(), finding.strip() or "mean", sign, float(bound))


def held(condition: Condition, audit: Audit) -> str:
    """What made the condition hold, as a sentence; empty when it does not hold.

    An undefined figure holds too: it has not been shown to be acceptable. Raises ConfigError when the audit
    has no such figure.
    """
    names = (condition.attribute, condition.group)
    where = f"{condition.metric}[{'='.join(n for n in names if n)}, {condition.finding}]"
    try:
        value = audit.value(
            condition.metric, finding=condition.finding, attribute=condition.attribute, group=condition.group
        )
    except KeyError:
        raise ConfigError(f"--fail-if: the audit has no figure {where}") from None
    if np.isnan(value):
        return f"{where} is undefined"
    failed = _COMPARE[condition.sign](value, condition.bound)
    return f"{where} = {value:.4f} {condition.sign} {condition.bound:g}" if failed else ""
