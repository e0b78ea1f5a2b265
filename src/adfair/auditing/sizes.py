"""How many patients a group has, and how many a gap needs to be seen."""

from itertools import product
from statistics import NormalDist

import numpy as np
import pandas as pd

TYPICAL_AUC = 0.85


def auc_standard_error(auc: float, *, positives: float, negatives: float) -> float:
    """Standard error of an AUC. Source: Hanley and McNeil 1982, equation 2."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return float(np.sqrt(variance / (positives * negatives)))


def patients_needed(
    prevalence: float, *, gap: float = 0.05, auc: float = TYPICAL_AUC, power: float = 0.8, level: float = 0.95
) -> int | None:
    """Patients in each of two groups with which a true gap between their AUCs is found with ``power``.

    Args:
        prevalence: share of patients with the finding. auc: in both groups. level: two-sided test at 1 - level.

    Returns:
        ``None`` where the prevalence is 0 or 1: no number is enough.
    """
    if not 0 < prevalence < 1:
        return None
    z = NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(power)
    low, high = 2, 2
    while _detectable(high, prevalence, auc) * z > gap:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _detectable(middle, prevalence, auc) * z > gap else (low, middle)
    return high


def _detectable(n: int, prevalence: float, auc: float) -> float:
    """Standard error of the difference of two groups' AUCs with n patients each."""
    positives = max(1.0, n * prevalence)
    one = auc_standard_error(auc, positives=positives, negatives=max(1.0, n - positives))
    return one * 2**0.5


def size_table(table: pd.DataFrame, attributes: dict[str, list[str]], prevalence: float) -> pd.DataFrame:
    """Patients of each group and intersection of a split against what a gap of .05 needs.

    Args:
        table: rows of one split. attributes: attribute -> groups. prevalence: mean over findings.

    Returns:
        attribute, group, images, patients, needed, enough (True, False; empty where undefined).
    """
    needed, rows = patients_needed(prevalence), []
    cells = [([name], name) for name in attributes]
    if len(attributes) > 1:
        cells.append((list(attributes), "*".join(attributes)))
    for columns, name in cells:
        there = table.groupby(columns)["patient_id"].agg(["size", "nunique"])
        levels = list(product(*(attributes[c] for c in columns)))
        keys = levels if len(columns) > 1 else attributes[columns[0]]
        counts = there.reindex(keys, fill_value=0).to_numpy()
        for level, (images, patients) in zip(levels, counts.tolist(), strict=True):
            enough = None if needed is None else patients >= needed
            rows.append(
                {"attribute": name, "group": "*".join(level), "images": images, "patients": patients}
                | {"needed": None if needed is None else needed, "enough": enough}
            )
    return pd.DataFrame(rows)
