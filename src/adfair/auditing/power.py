"""Which difference between two groups a cohort of this size could detect."""

from statistics import NormalDist

import numpy as np
import pandas as pd

from adfair.auditing.gaps import SIGNED
from adfair.auditing.reasons import SMALL
from adfair.auditing.result import Audit

_NORMAL = NormalDist()


def detectable(audit: Audit, *, power: float = 0.8, target: float = 0.05) -> pd.DataFrame:
    """Smallest true difference between two groups that this table would find, per pair, metric and finding.

    Args:
        audit: a finished audit with bootstrap replicates.
        power: wanted probability of finding it; the test is two-sided at 1 - level.
        target: a difference of interest, for ``patients_factor``.

    Returns:
        Columns metric, finding, attribute, group (``A-B``), standard_error, detectable, patients_factor: how
        many times as many patients (same mix) would make ``target`` detectable. Pairs with a small group are left out: an
            interval of so few patients is no measure of what more of them would find.

    Source: the normal sample-size formula, detectable = (z(1 - alpha/2) + z(power)) x standard error, with
    the standard error read off the bootstrap interval; it shrinks with the square root of the number of
    patients.
    """
    level = audit.settings.level
    z = _NORMAL.inv_cdf((1 + level) / 2)
    rows = audit.table[audit.table["metric"].isin([f"{name}_difference" for name in SIGNED])]
    rows = rows[(rows["group"] != "") & (rows["stratum"] == "")]
    rows = rows[~rows["note"].str.contains(SMALL)]
    error = (rows["ci_high"] - rows["ci_low"]) / (2 * z)
    least = (z + _NORMAL.inv_cdf(power)) * error
    table = rows[["metric", "finding", "attribute", "group"]].assign(
        standard_error=error, detectable=least, patients_factor=(least / target) ** 2
    )
    return table[np.isfinite(table["detectable"])].reset_index(drop=True)
