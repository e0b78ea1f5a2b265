"""Audits of predictions tables: group metrics, gaps, intervals, chance levels; model comparison. No torch."""

from adfair.auditing.auditor import audit
from adfair.auditing.comparison import Comparison, compare
from adfair.auditing.conditions import held, parse_condition
from adfair.auditing.formats import load_predictions
from adfair.auditing.power import detectable
from adfair.auditing.result import Audit

__all__ = [
    "Audit",
    "Comparison",
    "audit",
    "compare",
    "detectable",
    "held",
    "load_predictions",
    "parse_condition",
]
