"""Signs that reports leave out more of one group: rates given the other findings, length and style of reports."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from adfair.metrics.multiplicity import holm

FOLDS = 5
GIVEN = ", given the others"
"""Ends the name of a figure that is a finding's rate less what the report's other findings predict."""
FEWEST = 20
"""Patients on each side of a comparison, below which it is undefined (our choice)."""
_NO_VARIATION = 1e-9


def expected_rates(stated: np.ndarray, *, patients: np.ndarray, seed: int = 0) -> np.ndarray:
    """Probability of each finding given the report's other findings, blind to the group, cross-fitted: [N, F].

    NaN for a finding that never varies; the share of reports that state it where it is the only one.

    Args:
        stated: [N, F] of 1 and 0. patients: [N] ids; folds are of patients.
    """
    patient = np.unique(patients, return_inverse=True)[1].ravel()
    fold = np.random.default_rng(seed).permutation(int(patient.max()) + 1)[patient] % FOLDS
    patterns, which = np.unique(stated.astype(np.int8), axis=0, return_inverse=True)
    counts = np.stack([np.bincount(which.ravel()[fold == k], minlength=len(patterns)) for k in range(FOLDS)])
    expected = np.full(stated.shape, np.nan)
    for f in range(stated.shape[1]):
        others = np.delete(patterns, f, axis=1) if stated.shape[1] > 1 else np.zeros_like(patterns)
        for k in range(FOLDS):
            seen = counts.sum(0) - counts[k]
            used = seen > 0
            if len(np.unique(patterns[used, f])) < 2:
                continue
            model = LogisticRegression(max_iter=500)
            model.fit(others[used], patterns[used, f], sample_weight=seen[used])
            rows = fold == k
            expected[rows, f] = model.predict_proba(others)[which.ravel()[rows], 1]
    return expected


def contrast(values: np.ndarray, inside: np.ndarray, patients: np.ndarray) -> tuple[float, float]:
    """Mean of [N] values inside a group minus outside, and its standard error over patients.

    The error is that of the two means, or that of two means of equal patients where this is larger: a small group in
    which nobody happens to have a rare finding varies little by itself (our choice). NaN where either side has fewer
    than :data:`FEWEST` patients; NaN values are left out.
    """
    known = np.isfinite(values)
    values, inside, patients = values[known], inside[known], patients[known]
    parts = [_mean(values[side], patients[side]) for side in (inside, ~inside)]
    own = float(np.hypot(parts[0][1], parts[1][1]))
    error = own if np.isnan(own) else max(own, _equal_error(values, inside, patients))
    return parts[0][0] - parts[1][0], error


def _mean(values: np.ndarray, patients: np.ndarray) -> tuple[float, float]:
    patient = np.unique(patients, return_inverse=True)[1].ravel()
    n = int(patient.max()) + 1 if len(patient) else 0
    if n < FEWEST:
        return np.nan, np.nan
    mean, images = values.mean(), np.bincount(patient)
    residual = np.bincount(patient, values) - mean * images
    return float(mean), float(np.sqrt((residual**2).sum() * n / (n - 1)) / images.sum())


def _equal_error(values: np.ndarray, inside: np.ndarray, patients: np.ndarray) -> float:
    """Standard error of the difference if all patients were alike, whatever side they are on."""
    patient = np.unique(patients, return_inverse=True)[1].ravel()
    images = [np.bincount(patient[side]) for side in (inside, ~inside)]
    residual = np.bincount(patient, values - values.mean())
    variance = (residual**2).sum() / (np.bincount(patient) ** 2).sum()
    return float(np.sqrt(variance * sum((n**2).sum() / n.sum() ** 2 for n in images)))


def group_contrasts(
    columns: Mapping[str, np.ndarray],
    codes: Mapping[str, np.ndarray],
    groups: Mapping[str, Sequence[str]],
    *,
    patients: np.ndarray,
) -> pd.DataFrame:
    """Every column's mean in each group against all other patients of known group.

    Args:
        columns: name -> [N] values. codes: attribute -> int [N], -1 unknown. groups: attribute -> names.
        patients: [N] ids.

    Returns:
        attribute, group, figure, value (mean inside), others, difference, standard_error, p_value, p_adjusted
        (Holm over the whole table), note. With two groups only the first is listed: the other is its mirror.
    """
    rows = []
    # Sorted once here: numbers sort faster than texts.
    patients = np.unique(patients, return_inverse=True)[1].ravel()
    for attribute, names in groups.items():
        known = codes[attribute] >= 0
        listed = names[:1] if len(names) == 2 else names
        for g, group in enumerate(listed):
            inside = (codes[attribute] == g)[known]
            for figure, values in columns.items():
                found = _row(values[known], inside, patients[known])
                rows.append({"attribute": attribute, "group": group, "figure": figure, **found})
    table = pd.DataFrame(rows)
    table.insert(8, "p_adjusted", holm(table["p_value"]))
    return table


def _row(values: np.ndarray, inside: np.ndarray, patients: np.ndarray) -> dict[str, object]:
    difference, error = contrast(values, inside, patients)
    finite = np.isfinite(values)
    means = [
        float(values[finite & side].mean()) if (finite & side).any() else np.nan for side in (inside, ~inside)
    ]
    undefined = not np.isfinite(error) or error < _NO_VARIATION
    return {
        "value": means[0],
        "others": means[1],
        "difference": difference,
        "standard_error": error,
        "p_value": np.nan if undefined else float(2 * norm.sf(abs(difference / error))),
        "note": f"fewer than {FEWEST} patients on one side, or no variation" if undefined else "",
    }


def reporting_columns(
    said: np.ndarray, reports: Sequence[str], findings: Sequence[str], *, patients: np.ndarray, seed: int = 0
) -> dict[str, np.ndarray]:
    """What to compare between groups.

    Args:
        said: [N, F] of 1, 0, -1 and NaN (not mentioned), read from the reports or the labels.
        reports: [N] texts; their length is left out where all are empty. findings: [F] names.

    Returns:
        ``FINDING, given the others``: stated minus expected, by finding (``FINDING`` where it is the only one);
        ``stated findings``; ``denied``:
        the share of findings not present that the report denies rather than passes over; ``words``.
    """
    stated = said == 1
    beyond = stated - expected_rates(stated, patients=patients, seed=seed)
    given = GIVEN if len(findings) > 1 else ""
    columns = {f"{name}{given}": beyond[:, f] for f, name in enumerate(findings)}
    columns["stated findings"] = stated.sum(axis=1).astype(float)
    absent = (~stated).sum(axis=1)
    columns["denied"] = np.where(absent > 0, (said == 0).sum(axis=1) / np.maximum(absent, 1), np.nan)
    words = np.array([len(text.split()) for text in reports], dtype=float)
    if words.any():
        columns["words"] = words
    return columns
