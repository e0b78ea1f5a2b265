"""Metrics of labels and scores, their fairness and their uncertainty: numpy, numba and a little scipy."""

from adfair.metrics.calibration import brier, calibration_curve, ece
from adfair.metrics.fairness import (
    auc_gap,
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    equalized_odds_difference_mean,
    equalized_odds_ratio,
    equity_scaled,
    es_auc,
    group_auc,
    group_rates,
    worst_group_auc,
)
from adfair.metrics.ranking import auc, auprc
from adfair.metrics.rates import apply_threshold, rates
from adfair.metrics.thresholds import choose_threshold

__all__ = [
    "apply_threshold",
    "auc",
    "auc_gap",
    "auprc",
    "brier",
    "calibration_curve",
    "choose_threshold",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "ece",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "equalized_odds_difference_mean",
    "equalized_odds_ratio",
    "equity_scaled",
    "es_auc",
    "group_auc",
    "group_rates",
    "rates",
    "worst_group_auc",
]
