"""Weights under which a group no longer depends on the findings, so that erasing it need not erase them."""

import numpy as np
from sklearn.linear_model import LogisticRegression


def independence_weights(codes: np.ndarray, labels: np.ndarray, *, largest: float = 10.0) -> np.ndarray:
    """P(group) / P(group | findings) of every row: float64 [N].

    Where one group has more of a finding, whatever shows the finding tells something about the group, and a remedy
    that removes all that tells the group removes the finding. Rows weighted like this show no such link.

    Args:
        codes: int [N], -1 is unknown; such rows weigh 1.
        labels: [N, F]: 1, 0, -1 uncertain, NaN not mentioned.
        largest: no row weighs more, our choice: a rare combination must not speak for everyone.

    Source: the stabilised weights of Robins, Hernan and Brumback, Epidemiology 11 (2000), with a logistic
    regression on what each label is; their use for erasure is our choice.
    """
    known = codes >= 0
    features = np.hstack([labels == 1, labels == -1, np.isnan(labels)])[known].astype(np.float64)
    features = features[:, features.std(axis=0) > 0]
    weights = np.ones(len(codes))
    if not features.shape[1]:
        return weights
    groups, place = np.unique(codes[known], return_inverse=True)
    given = LogisticRegression(max_iter=1000).fit(features, place).predict_proba(features)
    share = np.bincount(place, minlength=len(groups)) / len(place)
    weights[known] = np.minimum(share[place] / given[np.arange(len(place)), place], largest)
    return weights
