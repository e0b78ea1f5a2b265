"""Blank what could identify people: groups and cells of few patients, for tables that will be published."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from adfair.auditing.attributes import Attribute
from adfair.auditing.gaps import SIGNED
from adfair.auditing.predictions import Predictions

SUPPRESSED = -2  # code of rows whose group was taken out; -1 is unknown
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
    codes = np.where(np.isin(attribute.codes, small), np.int16(SUPPRESSED), recode[attribute.codes])
    return Attribute(attribute.name, tuple(attribute.groups[k] for k in stay), codes.astype(np.int16))


def suppress_counts(
    frame: pd.DataFrame,
    least: int,
    *,
    fewest: np.ndarray,
    dropped: Collection[str] = (),
    strata: Collection[str] = (),
) -> pd.DataFrame:
    """Blank every figure from which a count of fewer than ``least`` could be read or worked out.

    1. Rows in which fewer than ``least`` images or patients are positive, negative, or there at all, whomever they
       describe.
    2. What a blanked group's figures could be computed from: gaps and signed differences of its finding and
       attribute, and the means over findings of that group and of those gaps.
    3. The counts of the other groups of that attribute, which subtraction from the total would turn into it; and of
       the other strata, for the same reason.

    Args:
        frame: the columns of ``metrics.csv``.
        least: the smallest count that may be published. fewest: the smallest number of patients a row tells of [rows].
        dropped: attributes of which a group was taken out altogether. strata: columns of strata of which one, or a group
            within one, was.
    """
    frame = frame.astype({"n": float, "n_positive": float})
    n, positive = frame["n"], frame["n_positive"]
    few = (
        (fewest < least)
        | (n < least)
        | ((positive > 0) & (positive < least))
        | ((n > positive) & (n - positive < least))
    )
    grouped = frame["attribute"] != ""
    place = pd.MultiIndex.from_frame(frame[["stratum", "attribute", "finding"]])
    hit = frame[few]
    cells = set(zip(hit["stratum"], hit["attribute"], hit["finding"], strict=True))
    means = {(stratum, attribute, "mean") for stratum, attribute, _ in cells}
    single = _one_group(frame)
    derived = ~single & place.isin(cells | means)
    named = set(zip(hit["stratum"], hit["attribute"], hit["group"], strict=True))
    of_group = pd.MultiIndex.from_frame(frame[["stratum", "attribute", "group"]]).isin(named)
    derived |= single & of_group & (frame["finding"] == "mean")
    hidden = few | derived
    frame.loc[hidden, _FIGURES] = np.nan
    frame.loc[few, "note"] = f"suppressed: a count below {least}"
    frame.loc[derived & ~few, "note"] = f"suppressed: would reveal a count below {least}"
    countable = grouped & (place.isin(cells | means) | frame["attribute"].isin(list(dropped)))
    column = frame["stratum"].str.partition("=")[0]
    across = pd.MultiIndex.from_arrays([column, frame["attribute"], frame["finding"]])
    of_strata = hit[hit["stratum"] != ""]
    beside = {
        (of, attribute, name)
        for of, attribute, finding in zip(
            column[of_strata.index], of_strata["attribute"], of_strata["finding"], strict=True
        )
        for name in (finding, "mean")
    }
    countable |= (frame["stratum"] != "") & (across.isin(beside) | column.isin(list(strata)))
    frame.loc[countable, ["n", "n_positive"]] = np.nan
    return frame


def _one_group(frame: pd.DataFrame) -> pd.Series:
    return (frame["group"] != "") & ~frame["metric"].isin([f"{name}_difference" for name in SIGNED])


def suppress_curves(curves: pd.DataFrame, least: int, frame: pd.DataFrame) -> pd.DataFrame:
    """Calibration points of at least ``least`` patients with neither few positive nor few negative ones.

    ``curves`` has the patients in ``fewest``. The curves of a group whose own figures are blank in ``frame`` go altogether.
    """
    few = curves["fewest"] < least
    blank = frame[
        frame["note"].str.startswith("suppressed") & (frame["metric"] == "auc") & (frame["stratum"] == "")
    ]
    keys = ["finding", "attribute", "group"]
    gone = pd.MultiIndex.from_frame(curves[keys]).isin(list(blank[keys].itertuples(index=False, name=None)))
    return curves[~few & ~gone].reset_index(drop=True)
