import numpy as np
import pytest

from adfair.data.sampling import CLIP, cells, finding_group_weights, group_weights


def test_cells_are_intersections_and_unknown_is_none_of_them() -> None:
    codes = {"race": np.array([0, 0, 1, -1, 1]), "sex": np.array([0, 1, 1, 0, 1])}
    assert cells(codes).tolist() == [0, 1, 2, -1, 2]


def test_every_cell_weighs_the_same_and_unknown_rows_weigh_one() -> None:
    race = np.array([0] * 6 + [1] * 2 + [-1] * 3)
    weights = group_weights({"race": race})
    assert weights[race == 0].sum() == pytest.approx(4.0)
    assert weights[race == 1].sum() == pytest.approx(4.0)
    assert weights[race == -1].tolist() == [1.0, 1.0, 1.0]
    assert weights.mean() == pytest.approx(1.0)


def test_reweighted_findings_do_not_depend_on_the_group() -> None:
    rng = np.random.default_rng(0)
    race = rng.integers(0, 2, 40_000)
    findings = (rng.random((40_000, 2)) < np.where(race[:, None] == 1, [0.5, 0.1], [0.2, 0.3])).astype(float)
    weights = finding_group_weights({"race": race}, findings)
    rates = [np.average(findings[race == k], axis=0, weights=weights[race == k]) for k in (0, 1)]
    assert np.allclose(rates[0], rates[1], atol=0.01)
    assert np.allclose(rates[0], findings.mean(0), atol=0.01)
    assert weights.mean() == pytest.approx(1.0)


def test_one_finding_by_hand_and_the_clip() -> None:
    race = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    y = np.array([1, 0, 0, 0, 1, 1, 1, 0])[:, None]
    weights = finding_group_weights({"race": race}, y)
    raw = {(0, 1): 0.5 / (2 / 6), (0, 0): 0.5 / (4 / 6), (1, 1): 0.5 / (4 / 6), (1, 0): 0.5 / (2 / 6)}
    expected = np.array([raw[a, b] for a, b in zip(race, y[:, 0], strict=True)])
    assert np.allclose(weights, expected / expected.mean())
    many = np.repeat(y, 30, axis=1)
    extreme = finding_group_weights({"race": race}, many)
    assert extreme.max() / extreme.min() <= CLIP[1] / CLIP[0] + 1e-9


def test_nobody_known_means_nobody_counts_more() -> None:
    unknown = {"race": np.full(4, -1)}
    assert group_weights(unknown).tolist() == [1.0] * 4
    assert finding_group_weights(unknown, np.ones((4, 1))).tolist() == [1.0] * 4
