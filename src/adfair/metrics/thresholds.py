"""Choosing a threshold on a validation table; it is applied with the same ``score >= threshold``."""

import math

import numpy as np
from numpy.typing import ArrayLike

from adfair.errors import ConfigError

RULES = "a number, youden, f1, sensitivity=.9 or specificity=.9"


def parse_rule(rule: str | float) -> tuple[str, float]:
    """Split a rule into its name and number: ("number", 0.5), ("youden", nan), ("sensitivity", 0.9), ...

    Raises:
        ConfigError: the rule is none of the known ones or its target is not between 0 and 1.
    """
    name, separator, target = str(rule).strip().lower().partition("=")
    if not separator and name in ("youden", "f1"):
        return name, math.nan
    try:
        number = float(target if separator else name)
    except ValueError:
        raise ConfigError(f"threshold rule '{rule}' is not known: use {RULES}") from None
    if not separator and math.isfinite(number):
        return "number", number
    if name in ("sensitivity", "specificity") and 0 < number <= 1:
        return name, number
    raise ConfigError(f"threshold rule '{rule}' is not known or out of range: use {RULES}")


def is_given(rule: str | float) -> bool:
    """Whether a rule is the threshold itself, a number or a CSV of them, so that no labels are looked at.

    Raises:
        ConfigError: see :func:`parse_rule`.
    """
    return (isinstance(rule, str) and rule.lower().endswith(".csv")) or parse_rule(rule)[0] == "number"


def choose_threshold(y_true: ArrayLike, score: ArrayLike, *, rule: str | float) -> float:
    """The threshold that the rule picks among the observed scores.

    - ``youden``: largest tpr - fpr (Youden, 1950).
    - ``f1``: largest F1 = 2 tp / (2 tp + fp + fn).
    - ``sensitivity=t``: the highest threshold whose tpr is at least t.
    - ``specificity=t``: the lowest threshold whose tnr is at least t; above every score if none is.

    Ties between equally good thresholds go to the lowest of them, so that no positive is given up for nothing
    (our choice). Since candidates are observed scores compared by ``>=``, the rates that the rule saw are the
    rates that applying the threshold gives.

    Returns:
        The threshold, in the units of the score; NaN when the rule needs a class that is absent.
    """
    name, target = parse_rule(rule)
    if name == "number":
        return target
    y, s = np.asarray(y_true).astype(float), np.asarray(score, dtype=float)
    values, place = np.unique(s, return_inverse=True)
    positives, negatives = y.sum(), (1 - y).sum()
    tp = np.cumsum(np.bincount(place, y, minlength=values.size)[::-1])[::-1]
    fp = np.cumsum(np.bincount(place, 1 - y, minlength=values.size)[::-1])[::-1]
    if (positives == 0 and name != "specificity") or (negatives == 0 and name in ("youden", "specificity")):
        return math.nan
    if name == "youden":
        # Compared as integers over a common denominator, so equal thresholds are ties and not rounding.
        return float(values[np.argmax(tp * negatives - fp * positives)])
    if name == "f1":
        return float(values[np.argmax(2 * tp / (tp + fp + positives))])
    if name == "sensitivity":
        return float(values[np.flatnonzero(tp >= target * positives - 1e-9)[-1]])
    enough = np.flatnonzero(negatives - fp >= target * negatives - 1e-9)
    return float(values[enough[0]]) if enough.size else float(np.nextafter(values[-1], np.inf))
