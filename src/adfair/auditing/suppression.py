"""Blank what could identify people: groups and cells of few patients, for tables that will be published."""

from dataclasses import replace

import numpy as np
import pandas as pd

from adfair.auditing.attributes import Attribute
from adfair.auditing.predictions import Predictions

_FIGURES = ["value", "ci_low", "ci_high", "expected_by_chance", "p_value", "p_adjusted", "n", "n_positive"]


def drop_small_groups(predictions: Predictions, least: int, notes: list[str]) -> Predictions:
    """Take groups of fewer than ``least`` patients out of every figure, and say which in ``notes``."""
    kept = []
    for attribute in predictions.attributes:
        sizes = [
            len(np.unique(predictions.patient[attribute.codes == k])) for k in range(len(attribute.groups))
        ]
        small = [k for k, size in enumerate(sizes) if size < least]
        if small:
            names = ", ".join(attribute.groups[k] for k in small)
            notes.append(f"suppressed, fewer than {least} patients: {attribute.name} {names}")
        kept.append(_without(attribute, small))
    return replace(predictions, attributes=tuple(kept))


def _without(attribute: Attribute, small: list[int]) -> Attribute:
    stay = [k for k in range(len(attribute.groups)) if k not in small]
    recode = np.full(len(attribute.groups) + 1, -1, dtype=np.int16)
    recode[stay] = np.arange(len(stay))
    # Code -1 picks the last entry: unknown stays unknown. Suppressed groups join no other row's figures.
    codes = np.where(np.isin(attribute.codes, small), np.int16(-2), recode[attribute.codes])
    return Attribute(attribute.name, tuple(attribute.groups[k] for k in stay), codes.astype(np.int16))


def suppress_counts(frame: pd.DataFrame, least: int) -> pd.DataFrame:
    """Blank group rows in which fewer than ``least`` rows are positive, negative, or there at all."""
    frame = frame.astype({"n": float, "n_positive": float})
    n, positive = frame["n"], frame["n_positive"]
    few = (n < least) | ((positive > 0) & (positive < least)) | ((n > positive) & (n - positive < least))
    hidden = few & (frame["group"] != "")
    frame.loc[hidden, _FIGURES] = np.nan
    frame.loc[hidden, "note"] = f"suppressed: a count below {least}"
    return frame
