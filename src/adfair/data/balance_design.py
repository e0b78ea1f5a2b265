"""What a balanced set is asked to be, checked against the cohort that it is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adfair.data.balance_rules import FIVE, get_rule
from adfair.data.manifest import Cohort
from adfair.errors import ConfigError

AGE_BAND = 20
"""Years: images are matched by age within bands of this width (our choice)."""


@dataclass(frozen=True)
class Design:
    """What is wanted.

    Attributes:
        findings: of the cells; the five of CheXpert's competition by default.
        attributes: name -> groups; the cells are their intersections. Empty: cells are findings alone.
        per_cell: images of each cell. match: ``age``, ``view`` or both, alike in every group of a finding.
        rule: a name in ``RULES``. one_a_patient: no patient twice. seed: of the draw.
    """

    findings: list[str]
    attributes: dict[str, list[str]]
    per_cell: int = 15
    match: tuple[str, ...] = ()
    rule: str = "gloria"
    one_a_patient: bool = True
    seed: int = 0

    def asked(self) -> dict[str, Any]:
        """The design in plain values, for the certificate."""
        return {
            "rule": f"{self.rule}: {get_rule(self.rule).text}",
            "findings": self.findings,
            "groups": self.attributes,
            "per_cell": self.per_cell,
            "matched": [f"{name} within {AGE_BAND} years" if name == "age" else name for name in self.match],
            "one_image_a_patient": self.one_a_patient,
            "seed": self.seed,
        }


def make_design(
    cohort: Cohort, *, findings: Sequence[str] = (), attributes: Sequence[str] = ("race", "sex"), **rest: Any
) -> Design:
    """Check a design against a cohort.

    Args:
        findings: names; the five of CheXpert's competition by default.
        attributes: names, each with all its groups, or ``race=Asian+Black`` with some.
        rest: the other fields of ``Design``.

    Raises:
        ConfigError: the cohort has no such finding, attribute or group, or a number makes no sense.
    """
    wanted = list(findings) or list(FIVE)
    info, declared = cohort.info, {}
    for name in wanted:
        if name not in info.findings:
            there = ", ".join(info.findings)
            raise ConfigError(
                f"--findings: cohort '{info.name}' has no finding '{name}'; name those to draw from: {there}"
            )
    for entry in attributes:
        name, _, some = entry.partition("=")
        if name not in info.attributes:
            there = ", ".join(info.attributes) or "none"
            raise ConfigError(
                f"--attributes: cohort '{info.name}' has no attribute '{name}'; name those to balance: {there}"
            )
        if name in declared:
            raise ConfigError(f"--attributes: '{name}' is named twice")
        declared[name] = some.split("+") if some else info.attributes[name]
        if len(set(declared[name])) < len(declared[name]):
            raise ConfigError(f"--attributes: a group of '{name}' is named twice")
        if stray := set(declared[name]) - set(info.attributes[name]):
            raise ConfigError(f"--attributes: '{name}' has no group '{min(stray)}'")
    design = Design(findings=wanted, attributes=declared, **rest)
    get_rule(design.rule)
    if stray := set(design.match) - {"age", "view"}:
        raise ConfigError(f"--match: age and view can be matched, not '{min(stray)}'")
    if design.per_cell < 1 or len(set(wanted)) != len(wanted):
        raise ConfigError("--per-cell is at least 1, and --findings names each finding once")
    return design
