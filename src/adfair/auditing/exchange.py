"""Strata of patients among whom a sensitive attribute may be exchanged without touching what is held fixed."""

import numpy as np

FEWEST = 10
"""Patients that a pattern of traits needs to be a stratum by itself."""
_CELL = 20


def exchange_strata(within: np.ndarray, traits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Stratum of each unit: equal traits where enough units share them, else nearly equal odds of the groups.

    A pattern that one patient alone has could not be permuted at all, so rare patterns are pooled. Scores that do not
    depend on the group given the traits do not depend on it given P(group | traits) either, together with the traits
    (Rosenbaum and Rubin 1983, the balancing score), so shuffling among units of equal odds keeps the null; pooling by
    anything else would mix traits that the groups have in different shares. The odds are fitted and cut into cells of
    20 to 39 units (our choice).

    Args:
        within: int [U], never pooled across.
        traits: numbers [U, K].
        codes: group of each unit [U].

    Returns:
        int [U].
    """
    patterns = np.column_stack([within, traits])
    _, stratum, counts = np.unique(patterns, axis=0, return_inverse=True, return_counts=True)
    stratum = stratum.reshape(-1)
    rare = counts[stratum] < FEWEST
    pooled = 0
    for value in np.unique(within[rare]):
        members = np.flatnonzero(rare & (within == value))
        for cell in _cells(_group_odds(traits[members], codes[members])):
            pooled += 1
            stratum[members[cell]] = -pooled
    return stratum


def exchangeable(strata: np.ndarray, codes: np.ndarray) -> float:
    """Share of units in strata that hold two groups or more: the others keep their group in every shuffle."""
    pairs = np.unique(np.column_stack([strata, codes]), axis=0)[:, 0]
    names, groups = np.unique(pairs, return_counts=True)
    return float(np.isin(strata, names[groups > 1]).mean()) if strata.size else 0.0


def _group_odds(traits: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """P(group | traits) [n, G] by logistic regression; one column of ones where a single group is there."""
    from sklearn.linear_model import LogisticRegression  # half a second that most audits do without

    if len(np.unique(codes)) < 2:
        return np.ones((len(codes), 1))
    return np.asarray(LogisticRegression(max_iter=500).fit(traits, codes).predict_proba(traits))


def _cells(odds: np.ndarray) -> list[np.ndarray]:
    """Rows [n, G] halved along the widest column until a half would hold fewer than 20."""
    waiting, done = [np.arange(len(odds))], []
    while waiting:
        rows = waiting.pop()
        column = odds[rows, np.ptp(odds[rows], axis=0).argmax()]
        if len(rows) < 2 * _CELL or np.ptp(column) == 0:
            done.append(rows)
            continue
        ordered = rows[np.argsort(column, kind="stable")]
        waiting += [ordered[: len(rows) // 2], ordered[len(rows) // 2 :]]
    return done
