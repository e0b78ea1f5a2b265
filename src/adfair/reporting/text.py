"""Numbers and names as the page prints them."""

import math
from collections.abc import Sequence

from adfair.auditing.reasons import SMALL
from adfair.reporting.data import Estimate

METRIC_LABELS = {
    "auc": "AUC",
    "auprc": "AUPRC",
    "tpr": "True positive rate",
    "fpr": "False positive rate",
    "es_auc": "ES-AUC",
    "auc_gap": "AUC gap",
    "worst_group_auc": "Worst-group AUC",
    "equalized_odds_difference": "Equalized odds difference",
    "equalized_odds_difference_mean": "Equalized odds difference (mean form)",
    "equal_opportunity_difference": "Equal opportunity difference",
    "demographic_parity_difference": "Demographic parity difference",
    "ece_gap": "Calibration gap (ECE)",
    "leakage_auc": "Leakage (larger probe)",
    "leakage_auc_lr": "Logistic regression",
    "leakage_auc_mlp": "MLP",
}


def metric_label(metric: str) -> str:
    """A metric's name for readers; an unknown one is shown as it is."""
    name, _, shots = metric.partition("@")
    if name == "few_shot_auc" and shots:
        return f"{shots}-shot AUC"
    return METRIC_LABELS.get(metric, metric)


def metric_words(metric: str) -> str:
    """A metric's name within a sentence: ``equalized odds difference``, ``AUC gap``."""
    label = metric_label(metric)
    return label if label[:2].isupper() else label[0].lower() + label[1:]


def number(value: float, digits: int = 3) -> str:
    """A number without its leading zero and with a real minus sign: ``.877``, ``−.012``, ``1.000``."""
    if not math.isfinite(value):
        return "undefined"
    text = f"{abs(value):.{digits}f}"
    if float(text) < 1:
        text = text[1:]
    negative = value < 0 and float(f"{value:.{digits}f}") != 0
    return f"−{text}" if negative else text


def interval(estimate: Estimate) -> str:
    """``[.861, .892]``, never broken across lines, or nothing when there is no interval."""
    return f"[{number(estimate.low)},\u00a0{number(estimate.high)}]" if estimate.has_interval else ""


def with_interval(estimate: Estimate) -> str:
    """``.877 [.861, .892]``; an undefined value gives its reason."""
    if not estimate.defined:
        return undefined(estimate)
    return " ".join(filter(None, (number(estimate.value), interval(estimate))))


def undefined(estimate: Estimate) -> str:
    """``undefined: one class only``; a value withheld to protect few patients says that instead."""
    if estimate.note.startswith("suppressed: "):
        return estimate.note
    return f"undefined: {estimate.note.removeprefix('undefined: ') or 'no reason recorded'}"


def remark(estimate: Estimate) -> str:
    """What a defined value leaves out, such as a finding or group undefined within it, and whether it rests on few."""
    told = ("undefined", SMALL, "few negatives", "few positives", "zero width")
    parts = [part for part in estimate.note.split("; ") if "resamples" not in part]
    return "; ".join(part for part in parts if any(word in part for word in told))


def left_out(estimate: Estimate) -> str:
    """``; without C in Edema``: the groups that a gap leaves out, as its note has it; else nothing."""
    return _told(estimate, "without ")


def few(estimate: Estimate) -> str:
    """``; small group: C, 3 patients, fewer than 10``: the small groups that a figure rests on; else nothing."""
    return _told(estimate, SMALL)


def _told(estimate: Estimate, start: str) -> str:
    return "".join(f"; {part}" for part in estimate.note.split("; ") if part.startswith(start))


def p_text(p_value: float) -> str:
    """``p = .012``; small ones as ``p < .001``; nothing when there is none."""
    if not math.isfinite(p_value):
        return ""
    return "p < .001" if p_value < 0.0005 else f"p = {number(p_value)}"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def count(value: float) -> str:
    """A whole number with thin spaces between thousands, or a dash."""
    return f"{round(value):,}".replace(",", "\u202f") if math.isfinite(value) else "–"


def groups_of(attribute: str) -> str:
    """``race groups``; of a column that is itself called a group, its plural: ``Ethnic groups``, ``Groups``."""
    words = attribute.replace("_", " ")
    if words.lower().endswith("groups"):
        return words
    return f"{words}s" if words.lower().endswith("group") else f"{attribute} groups"
