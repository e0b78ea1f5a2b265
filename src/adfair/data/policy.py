"""Which remedy a cohort calls for: the rule behind ``adfair diagnose`` and ``objective.fairness: auto``.

Decided by what can be seen before training. Findings that depend on a group in the reports are the bias that a
contrastive loss turns into a shortcut. Where they do, the logits are told what the groups alone would give
(``objectives/group_adjusted.py``), so that reading a group earns nothing, and a weak adversary that knows the findings
takes the group out of the rest: one that does not know them would take the findings out with it. Where they do not,
an adversary that knows nothing does the same. Our rule; measured in docs/results.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from adfair.data.manifest import Cohort, group_codes, labels
from adfair.data.report_findings import findings_in_reports
from adfair.metrics.dependence import Dependence, dependence

CLEAR = 2.0
"""Standard errors above zero from which a dependence counts."""
WEIGHT, STRONGEST = 0.5, 1.0
"""Of the adversary: where findings leave it at least half of what there is to know of a group, and at most (our choice)."""
NAMING = 0.001
"""Share of training reports that name a group from which they are scrubbed."""


@dataclass(frozen=True)
class Policy:
    """What to train with, and why.

    Attributes:
        scrub_demographics: take words for sex, race and age out of the training reports.
        negatives, condition, adversary_weight: keys of ``objective``.
        reasons: one sentence for each choice.
    """

    scrub_demographics: bool
    negatives: Literal["all", "group_adjusted"]
    condition: Literal["none", "findings"]
    adversary_weight: float
    reasons: list[str]

    def record(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


def what_is_said(cohort: Cohort, table: pd.DataFrame) -> np.ndarray:
    """What the reports say of each finding: [N, F] of 1, 0, -1 and NaN (not mentioned).

    Where the cohort has no reports, its labels stand for them.

    Args:
        table: [N] rows of the cohort.
    """
    if cohort.has_reports:
        return findings_in_reports(table["report"].tolist(), cohort.info.findings)
    return labels(table, cohort.info.findings)


def cohort_dependence(
    cohort: Cohort,
    attributes: Sequence[str],
    *,
    split: str = "train",
    said: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, Dependence]:
    """How much the findings that reports state tell about each attribute's groups, in one split.

    Args:
        said: ``what_is_said`` of the split, where the caller has read its reports already.
    """
    table = cohort.split(split)
    stated = (what_is_said(cohort, table) if said is None else said) == 1
    patients = table["patient_id"].to_numpy()
    return {
        name: dependence(
            group_codes(table[name], cohort.info.attributes[name]), stated, patients=patients, seed=seed
        )
        for name in attributes
    }


def decide(found: Mapping[str, Dependence], *, naming: float) -> Policy:
    """The policy for what was found.

    Args:
        found: by sensitive attribute. naming: share of training reports that name a group of any of them.
    """
    scrub, reasons = naming >= NAMING, []
    if scrub:
        reasons.append(f"{naming:.1%} of the training reports name a patient's group: those words are cut.")
    else:
        reasons.append("Next to no training report names a patient's group: nothing is cut.")
    tied = {name: d for name, d in found.items() if d.gain > CLEAR * d.standard_error}
    for name, d in found.items():
        reasons.append(_sentence(name, d, clear=name in tied))
    if tied:
        reasons.append(
            "What the groups alone say of the findings is added to the logits, so that reading a group earns nothing."
        )
        weight = adversary_weight(max(d.share for d in tied.values()))
        reasons.append(
            f"An adversary of weight {weight:.2g} that knows the findings takes the groups out of the rest of the image; "
            "objective.adversary_weight: 0 leaves them in."
        )
        return Policy(scrub, "group_adjusted", "findings", weight, reasons)
    unknown = any(d.reason for d in found.values())
    hidden = "No dependence is known that could be hidden" if unknown else "There is no dependence to hide"
    reasons.append(f"{hidden}: the loss is the plain one.")
    reasons.append(
        f"An adversary of weight {WEIGHT:g} takes out what could be misused later, at next to no cost; "
        "objective.adversary_weight: 0 leaves it in."
    )
    return Policy(scrub, "all", "none", WEIGHT, reasons)


def adversary_weight(share: float) -> float:
    """Weight of an adversary that knows the findings, where these give away a share of what there is to know.

    It has the rest to learn from. Where that is less than half, the weight grows so that weight times rest stays what
    it is at half, up to twice as much: at more, the image loses findings too (our choice, measured on two cohorts of
    the population ``extreme`` and one of ``wide`` that served for nothing else).
    """
    return min(STRONGEST, WEIGHT * max(1.0, 0.5 / max(1.0 - share, 1e-9)))


def _sentence(name: str, d: Dependence, *, clear: bool) -> str:
    if d.reason:
        return f"Whether findings depend on {name} is undefined: {d.reason}."
    figures = f"{d.gain:.3f} of {d.entropy:.2f} nats (standard error {d.standard_error:.3f})"
    verb = "depend" if clear else "do not clearly depend"
    return f"Findings in the reports {verb} on {name}: {figures}."


def dependence_table(found: Mapping[str, Dependence]) -> pd.DataFrame:
    """Columns attribute, gain, standard_error, entropy, share, patients, note."""
    rows = [
        {
            "attribute": name,
            "gain": d.gain,
            "standard_error": d.standard_error,
            "entropy": d.entropy,
            "share": d.share if not d.reason else float("nan"),
            "patients": d.patients,
            "note": d.reason,
        }
        for name, d in found.items()
    ]
    return pd.DataFrame(rows)
