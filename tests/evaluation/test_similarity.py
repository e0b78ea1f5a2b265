from pathlib import Path

import numpy as np
import pytest

from adfair.errors import DataError
from adfair.evaluation.similarity import cka_of_folders, group_statistics, linear_cka

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 6))


def test_cka_against_the_definition_by_kernels() -> None:
    y = np.column_stack([X[:, :2] ** 2, RNG.standard_normal((200, 3))])
    centre = np.eye(200) - 1 / 200
    k, m = (centre @ (e @ e.T) @ centre for e in (X, y))
    expected = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert linear_cka(X, y) == pytest.approx(expected)


def test_cka_does_not_see_rotation_scale_and_shift() -> None:
    rotation = np.linalg.qr(RNG.standard_normal((6, 6)))[0]
    assert linear_cka(X, 3 * X @ rotation + 1) == pytest.approx(1)
    assert linear_cka(X, RNG.standard_normal((200, 6))) < 0.2
    assert np.isnan(linear_cka(X, np.ones((200, 2))))


def test_cka_of_two_evaluations_matches_images_by_id(tmp_path: Path) -> None:
    ids = np.array([f"i{i}" for i in range(200)])
    order = RNG.permutation(200)[:150]
    for name, rows in (("a", np.arange(200)), ("b", order)):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "embeddings.npz", image_id=ids[rows], image_emb=X[rows])
    assert cka_of_folders(tmp_path / "a", tmp_path / "b") == (pytest.approx(1), 150)
    with pytest.raises(DataError, match="embeddings"):
        cka_of_folders(tmp_path / "a", tmp_path / "none")


def test_statistics_of_groups_in_closed_form() -> None:
    codes = np.array([0] * 4 + [1] * 4 + [-1])
    square, shift = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]]), np.array([3, 0])
    emb = np.concatenate([square + shift, 2 * square - shift, [[100.0, 100]]])
    a, b, c = group_statistics(emb, codes, ["a", "b", "c"])
    assert (a.spread, b.spread) == (pytest.approx(1), pytest.approx(4))
    # Both means are 3 from the middle; all eight have a spread of 9 + (1 + 4) / 2.
    assert a.offset == pytest.approx(3 / np.sqrt(11.5))
    assert a.rank == pytest.approx(2)
    assert (c.n, np.isnan(c.spread)) == (0, True)
