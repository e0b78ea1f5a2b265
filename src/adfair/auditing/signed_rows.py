"""Rows of ``metrics.csv`` for signed differences between two groups: unbiased where a max-min gap is not."""

import numpy as np

from adfair.auditing.gap_rows import counts_of
from adfair.auditing.gaps import SIGNED, signed_pairs
from adfair.auditing.judging import ece_noise, judge_biased
from adfair.auditing.measure import Measured
from adfair.auditing.reasons import few_note, joined, mean_note, resample_note, small_groups
from adfair.auditing.rows import Row, intervals, mean_over_findings, p_values, row, wanted
from adfair.auditing.statistics import INDEX
from adfair.auditing.two_samples import judge_two
from adfair.metrics.delong import auc_components, auc_covariance
from adfair.metrics.intervals import normal_interval, normal_p_value


def signed_rows(measured: Measured, extra: str = "", *, only: frozenset[str] = frozenset()) -> list[Row]:
    """Rows of signed differences (of those in ``only``, if any) between two groups, A minus B.

    ``extra`` is a note for rates. Intervals are those of a difference of two samples (``judge_two``); that of calibration
    errors allows for what calibrated scores of groups of these sizes would show (``judge_biased``).
    """
    out = []
    for attribute in measured.predictions.attributes:
        columns = measured.columns(attribute.name)
        pairs = signed_pairs([int(measured.cells[c].rows.sum()) for c in columns])
        for metric in (name for name in SIGNED if wanted(f"{name}_difference", only)):
            note = extra if metric not in ("auc", "ece") else ""
            for a, b in pairs:
                out += _pair_rows(measured, metric, (columns[a], columns[b]), note)
    return out


def _pair_rows(measured: Measured, metric: str, pair: tuple[int, int], note: str) -> list[Row]:
    one, two = (measured.cells[c] for c in pair)
    name, group = f"{metric}_difference", f"{one.group}-{two.group}"
    findings, small = measured.predictions.findings, small_groups(measured, pair)
    values, low, high, p, how = _judged(measured, metric, pair)
    out = []
    for f, finding in enumerate(findings):
        figures = {"value": values[0, f], "ci_low": low[f], "ci_high": high[f], "p_value": p[f]}
        figures |= _delong(measured, metric, f, pair, values[0, f])
        why = resample_note(values[1:, f])
        if np.isnan(values[0, f]):
            why = f"undefined: {metric} undefined in a group"
        few = few_note(measured, f, pair, (metric,))
        figures |= counts_of(measured, f, list(pair))
        text = joined(why, how[f], small, few, note)
        out.append(row(name, finding, one.attribute, group, figures=figures, note=text))
    if len(findings) == 1:  # the mean is that finding: the same figures, closed forms included
        return [*out, {**out[0], "finding": "mean"}]
    totals = [counts_of(measured, f, list(pair)) for f in range(len(findings))]
    figures = {"value": values[0, -1], "ci_low": low[-1], "ci_high": high[-1], "p_value": p[-1]}
    figures |= {key: sum(t[key] for t in totals) for key in ("n", "n_positive")}
    resampled = resample_note(values[1:, -1]) if np.isfinite(values[0, -1]) else ""
    text = joined(mean_note(values[0, :-1], findings), resampled, how[-1], small, note)
    return [*out, row(name, "mean", one.attribute, group, figures=figures, note=text)]


def _judged(
    measured: Measured, metric: str, pair: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Differences [1 + R, F + 1] of all findings and their mean, ends of intervals and p [F + 1], and notes on those."""
    a, b = pair
    k = INDEX[metric]
    values = measured.values[:, :, a, k] - measured.values[:, :, b, k]
    jackknife = measured.jackknife[:, :, a, k] - measured.jackknife[:, :, b, k]
    jackknife = np.column_stack([jackknife, mean_over_findings(np.concatenate([values[:1], jackknife]))[1:]])
    values = np.column_stack([values, mean_over_findings(values)])
    if metric == "ece":
        noise = ece_noise(measured)
        low, high, p = judge_biased(values, noise[:, a] - noise[:, b], measured.settings)
    else:
        low, high = intervals(values, jackknife, measured)
        p = np.where(np.isfinite(low), p_values(values, jackknife, measured), np.nan)
    p = np.where(np.isfinite(values[0]), p, np.nan)
    return values, *judge_two({measured.cells[c].group: (measured, c) for c in pair}, metric, low, high, p)


def _delong(measured: Measured, metric: str, f: int, pair: tuple[int, int], value: float) -> dict[str, float]:
    if metric != "auc" or measured.settings.interval != "delong" or np.isnan(value):
        return {}
    size = measured.predictions.patients
    one, two = (
        auc_components(r.label, r.score, patient=r.unit, patients=size)
        for r in (measured.rows[f][c] for c in pair)
    )
    own = auc_covariance(one, one), auc_covariance(two, two)
    if not min(own) > 0:
        return dict.fromkeys(("ci_low", "ci_high", "p_value"), np.nan)
    variance = sum(own) - 2 * auc_covariance(one, two)
    low, high = normal_interval(value, variance, level=measured.settings.level)
    return {"ci_low": low, "ci_high": high, "p_value": normal_p_value(value, variance)}
