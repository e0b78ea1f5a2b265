"""The few-shot linear probe: logistic regressions, the penalty of each chosen by AUC on validation images."""

from collections.abc import Mapping

import numpy as np

from adfair.evaluation.linear_probe import FEW_SHOT_C
from adfair.evaluation.logistic_path import SMALL, DualPath, PrimalPath
from adfair.evaluation.splits import Rows, Splits, validation
from adfair.metrics.ranking import auc

PENALTIES = tuple(10.0**e for e in range(-3, 4))
"""C searched, on standardised columns divided by sqrt(D): rows of length about 1."""
_Fit = tuple[np.ndarray, float]


def linear(splits: Splits, taught: Mapping[int, np.ndarray]) -> np.ndarray:
    """Scores [M, F] of test images by a logistic regression a finding; NaN for findings that nothing was taught of.

    Args:
        splits: by :func:`adfair.evaluation.splits.standardised`.
        taught: finding -> int [n], rows of the training split with both labels.
    """
    (train, val, test), out = splits, np.full(splits.test.labels.shape, np.nan)
    # In double precision: penalties that order images alike must tie, and not differ by rounding.
    val = None if val is None else val._replace(emb=val.emb.astype(np.float64))
    small = [f for f, rows in taught.items() if len(rows) <= SMALL]
    for findings in filter(None, [small, *([f] for f in taught if f not in small)]):
        x = [train.emb[taught[f]] for f in findings]
        y = [train.labels[taught[f], f].astype(int) for f in findings]
        path = DualPath(x, y) if findings is small else PrimalPath(x[0], y[0])
        fits = _search(path, [validation(val, f) for f in findings], val)
        coef = np.stack([coef for coef, _ in fits], axis=1).astype(test.emb.dtype)
        out[:, findings] = test.emb @ coef + np.array([intercept for _, intercept in fits])
    return out


def _search(
    path: DualPath | PrimalPath, known: list[tuple[np.ndarray, np.ndarray] | None], val: Rows | None
) -> list[_Fit]:
    """Coefficients [D] and intercept of every finding; C is FEW_SHOT_C where nothing validates.

    From the strongest penalty on, each fit starts where the last ended; ties stay with the stronger one. Weaker
    penalties cost ever more steps, so a finding's search ends when two in a row were no better.
    """
    kept: dict[int, _Fit] = {}
    best, worse = dict.fromkeys(range(len(known)), -1.0), dict.fromkeys(range(len(known)), 0)
    blind, active = ([k for k in best if (known[k] is None) == none] for none in (True, False))
    if blind:
        kept = dict(zip(blind, zip(*path.fit(FEW_SHOT_C, np.array(blind)), strict=True), strict=True))
    for c in PENALTIES:
        if not active or val is None:
            break
        coef, intercept = path.fit(c, np.array(active))
        scores = val.emb @ coef.T + intercept
        for j, k in enumerate(active):
            rows, y = known[k] or ((), ())
            value = auc(y, scores[rows, j])
            worse[k] = 0 if value > best[k] else worse[k] + 1
            if value > best[k]:
                best[k], kept[k] = value, (coef[j], float(intercept[j]))
        active = [k for k in active if worse[k] < 2]
    return [kept[k] for k in range(len(known))]
