import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from adfair.objectives.inlp import fit_inlp


def made(n: int = 1500, dim: int = 16, seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Race in two directions, sex in one, the rest noise."""
    rng = np.random.default_rng(seed)
    race, sex = rng.integers(0, 3, n), rng.integers(0, 2, n)
    x = rng.normal(size=(n, dim))
    x[:, :2] += 3 * np.array([[0, 1], [-1, -0.5], [1, -0.5]])[race]
    x[:, 2] += 3 * sex
    return x + 5, {"race": race, "sex": sex}, np.arange(n) % 3 == 0


def test_it_finds_the_planted_directions_and_stops_at_chance() -> None:
    x, codes, held_out = made()
    found = fit_inlp(x, codes, held_out)
    assert found.stopped == "chance"
    # A round misses a little of what it goes for and later rounds take the rest: more than the three planted.
    assert 3 <= found.rank <= 8
    assert np.linalg.norm(found.basis[:, :3]) ** 2 == pytest.approx(3, abs=0.05)
    assert found.accuracy["race"][0] > 0.9
    assert found.accuracy["race"][-1] == pytest.approx(1 / 3, abs=0.07)
    assert np.abs(x @ found.matrix.T + found.bias - found(x)).max() < 1e-12


def test_it_is_a_projection_that_keeps_the_mean_and_that_a_classifier_cannot_read() -> None:
    x, codes, held_out = made()
    found = fit_inlp(x, codes, held_out)
    assert np.allclose(found.basis @ found.basis.T, np.eye(found.rank), atol=1e-12)
    once = found(x)
    assert np.abs(found(once) - once).max() < 1e-12
    assert np.allclose(once.mean(0), x.mean(0))
    model = LogisticRegression().fit(once[~held_out], codes["sex"][~held_out])
    assert model.score(once[held_out], codes["sex"][held_out]) < 0.56


def test_a_limit_on_the_rank_is_kept_and_said() -> None:
    x, codes, held_out = made()
    found = fit_inlp(x, codes, held_out, max_rank=2)
    assert (found.rank, found.stopped, len(found.accuracy["race"])) == (0, "max_rank", 1)
    found = fit_inlp(x, codes, held_out, max_rank=4)
    assert (found.rank, found.stopped, len(found.accuracy["race"])) == (3, "max_rank", 2)


def test_rows_of_unknown_group_neither_fit_nor_judge() -> None:
    x, codes, held_out = made()
    x = 0.01 * x + np.arange(16)  # small beside its mean, as embeddings are
    hidden = codes["sex"].copy()
    hidden[::5] = -1
    found = fit_inlp(x, {"sex": hidden}, held_out)
    fit = (hidden >= 0) & ~held_out
    scaled = (x - x.mean(0)) / (x - x.mean(0)).std()
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    model.fit(scaled[fit], codes["sex"][fit])
    direction = model.coef_[0] / np.linalg.norm(model.coef_)
    assert np.linalg.norm(found.basis @ direction) == pytest.approx(1, abs=1e-9)
    judge = (hidden >= 0) & held_out
    hit = model.predict(scaled[judge]) == hidden[judge]
    by_hand = np.mean([hit[hidden[judge] == g].mean() for g in (0, 1)])
    assert found.accuracy["sex"][0] == pytest.approx(by_hand, abs=1e-12)


def test_nothing_to_read_leaves_everything() -> None:
    rng = np.random.default_rng(0)
    x, sex = rng.normal(size=(900, 4)), rng.integers(0, 2, 900)
    found = fit_inlp(x, {"sex": sex}, np.arange(900) % 3 == 0)
    assert (found.rank, found.stopped) == (0, "chance")
    assert np.array_equal(found(x), x)


def test_weights_decide_what_is_read() -> None:
    rng = np.random.default_rng(0)
    sex = rng.integers(0, 2, 2000)
    ill = (rng.random(2000) < np.where(sex == 1, 0.75, 0.25)).astype(int)
    x = rng.normal(size=(2000, 4))
    x[:, 0] += 3 * ill
    held_out = np.arange(2000) % 3 == 0
    assert fit_inlp(x, {"sex": sex}, held_out).rank > 0
    even = np.where(sex == ill, 1 / 0.75, 1 / 0.25)
    assert fit_inlp(x, {"sex": sex}, held_out, weights={"sex": even}).rank == 0
