import numpy as np
import pytest
import torch
from concept_erasure import LeaceFitter
from sklearn.linear_model import LogisticRegression

from adfair.objectives.leace import fit_leace


def made(n: int = 400, dim: int = 6, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Correlated embeddings whose means depend on two attributes that depend on each other."""
    rng = np.random.default_rng(seed)
    race = rng.integers(0, 3, n)
    sex = (rng.random(n) < np.array([0.3, 0.5, 0.8])[race]).astype(np.int64)
    centres = rng.normal(size=(3, dim))[race] + rng.normal(size=(2, dim))[sex]
    return (centres + rng.normal(size=(n, dim))) @ rng.normal(size=(dim, dim)) + 3, {"race": race, "sex": sex}


def one_hot(codes: np.ndarray) -> np.ndarray:
    return np.eye(codes.max() + 1)[codes]


@pytest.mark.parametrize("names", [("sex",), ("race",), ("race", "sex")])
def test_agrees_with_the_authors_package(names: tuple[str, ...]) -> None:
    x, codes = made()
    z = np.hstack([one_hot(codes[name]) for name in names])
    theirs = LeaceFitter.fit(
        torch.from_numpy(x),
        torch.from_numpy(z),
        shrinkage=False,
        constrain_cov_trace=False,
        svd_tol=1e-8,
    ).eraser
    ours = fit_leace(x, {name: codes[name] for name in names})
    assert np.abs(ours.matrix - theirs.P.numpy()).max() < 1e-6
    assert np.abs(ours(x) - theirs(torch.from_numpy(x)).numpy()).max() < 1e-6
    assert np.abs(x @ ours.matrix.T + ours.bias - ours(x)).max() < 1e-9
    assert ours.rank == sum({"race": 2, "sex": 1}[name] for name in names)


def test_two_groups_of_white_embeddings_lose_the_line_between_their_means() -> None:
    # Covariance is the identity by construction, so the closed form is the orthogonal projection off e1.
    x = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], dtype=float)
    erased = fit_leace(x, {"sex": (x[:, 0] > 0).astype(np.int64)})
    assert np.allclose(erased.matrix, np.diag([0, 1, 1]), atol=1e-12)
    assert np.allclose(erased.bias, 0, atol=1e-12)


def test_no_linear_classifier_beats_the_constant_afterwards() -> None:
    x, codes = made()
    erased = fit_leace(x, codes)(x)
    for each in codes.values():
        cross = (erased - erased.mean(0)).T @ one_hot(each) / len(x)
        assert np.abs(cross).max() < 1e-10
        model = LogisticRegression(C=np.inf, max_iter=500).fit(erased, each)
        shares = np.bincount(each) / len(each)
        entropy = -(shares * np.log(shares)).sum()
        loss = -np.log(model.predict_proba(erased)[np.arange(len(each)), each]).mean()
        assert loss == pytest.approx(entropy, abs=1e-6)
        before = LogisticRegression(C=np.inf, max_iter=500).fit(x, each)
        assert -np.log(before.predict_proba(x)[np.arange(len(each)), each]).mean() < entropy - 0.1


def test_no_other_erasing_map_moves_the_embeddings_less_in_any_norm() -> None:
    x, codes = made()
    ours = fit_leace(x, codes)
    centred = x - x.mean(0)
    covariance = centred.T @ centred / len(x)
    means = np.hstack([centred.T @ one_hot(each) for each in codes.values()])
    axes, size, _ = np.linalg.svd(means)
    free = axes[:, int((size > 1e-8 * size[0]).sum()) :]  # maps that differ in this space erase as well
    rng = np.random.default_rng(1)
    factor = rng.normal(size=covariance.shape)

    def moved(matrix: np.ndarray, norm: np.ndarray) -> float:
        change = matrix - np.eye(len(matrix))
        return float(np.trace(norm @ change @ covariance @ change.T))

    for norm in (np.eye(6), np.linalg.inv(covariance), factor @ factor.T):
        least = moved(ours.matrix, norm)
        for scale in (1e-3, 0.1, 1.0):
            other = ours.matrix + scale * rng.normal(size=(6, free.shape[1])) @ free.T
            assert np.abs(other @ means).max() < 1e-8
            assert moved(other, norm) > least


def test_rows_of_unknown_group_have_no_part_in_its_means() -> None:
    x, codes = made()
    hidden = codes["race"].copy()
    hidden[::3] = -1
    erased = fit_leace(x, {"race": hidden, "sex": codes["sex"]})(x)
    assert np.ptp([erased[hidden == g].mean(0) for g in range(3)], axis=0).max() < 1e-9
    assert np.ptp([erased[codes["sex"] == g].mean(0) for g in range(2)], axis=0).max() < 1e-9
    # With one attribute, its known rows alone would give the same directions in the whitened space of all rows.
    known = hidden >= 0
    differences = np.array([x[hidden == g].mean(0) - x[known].mean(0) for g in range(3)])
    ours = fit_leace(x, {"race": hidden})
    assert np.abs(differences @ ours.matrix.T).max() < 1e-9
    assert ours.rank == 2


def test_directions_without_variance_and_more_dimensions_than_rows() -> None:
    x, codes = made(dim=4)
    wide = np.hstack([x, x[:, :2] - 1, np.full((len(x), 1), 5.0)])
    ours = fit_leace(wide, codes)
    erased = ours(wide)
    assert np.ptp([erased[codes["race"] == g].mean(0) for g in range(3)], axis=0).max() < 1e-9
    assert np.abs(erased[:, -1] - 5).max() < 1e-12
    assert np.abs(erased[:, :2] - 1 - erased[:, 4:6]).max() < 1e-6
    few = np.random.default_rng(0).normal(size=(10, 30))
    sex = np.arange(10) % 2
    gone = fit_leace(few, {"sex": sex})(few)
    assert np.abs(gone[sex == 0].mean(0) - gone[sex == 1].mean(0)).max() < 1e-10


def test_what_is_erased_already_stays() -> None:
    x, codes = made()
    once = fit_leace(x, codes)(x)
    again = fit_leace(once, codes)
    assert again.rank == 0
    assert np.array_equal(again(once), once)


def test_weighted_means_are_the_ones_made_equal() -> None:
    x, codes = made()
    weights = np.random.default_rng(2).integers(0, 4, len(x))
    ours = fit_leace(x, {"sex": codes["sex"]}, {"sex": weights})
    repeated = np.repeat(np.arange(len(x)), weights)
    means = [ours(x)[repeated][codes["sex"][repeated] == g].mean(0) for g in (0, 1)]
    assert np.abs(means[0] - means[1]).max() < 1e-9
    same = fit_leace(x, codes, {name: np.full(len(x), 2.5) for name in codes})
    assert np.allclose(same.matrix, fit_leace(x, codes).matrix, atol=1e-12)
