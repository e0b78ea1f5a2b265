import numpy as np
import pytest
import torch
from torch import Tensor

from adfair.objectives.coral import coral_distance, coral_one_against_rest, covariance


def sample(n: int, seed: int, d: int = 4) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_covariance_agrees_with_numpy() -> None:
    x = sample(11, 0)
    assert np.allclose(covariance(x).numpy(), np.cov(x.numpy(), rowvar=False), atol=1e-12)


def test_distance_agrees_with_numpy() -> None:
    x, y = sample(11, 1).numpy(), 2 * sample(7, 2).numpy()
    published = np.linalg.norm(np.cov(2 * x, rowvar=False) - np.cov(2 * y, rowvar=False), "fro") ** 2 / (
        4 * 4**2
    )
    expected = published + np.sum(
        (x.mean(0) - y.mean(0)) ** 2
    )  # rows times sqrt(D) = 2 in the published part
    assert coral_distance(torch.from_numpy(x), torch.from_numpy(y)).item() == pytest.approx(
        expected, abs=1e-12
    )


def test_closed_forms() -> None:
    x = sample(9, 3)
    assert coral_distance(x, x).item() == 0
    shift = torch.tensor([3.0, 0.0, 4.0, 0.0], dtype=torch.float64)
    assert coral_distance(x, x + shift).item() == pytest.approx(25, abs=1e-10)
    centred = x - x.mean(0)
    stretched = (9 - 1) ** 2 * covariance(x).square().sum().item() / 4
    assert coral_distance(centred, 3 * centred).item() == pytest.approx(stretched, rel=1e-10)


def test_each_group_is_compared_with_the_other_known_rows() -> None:
    x, codes = sample(20, 4), torch.tensor([0, 1, 2, 2, -1] * 4)
    known = codes >= 0
    expected = torch.stack([coral_distance(x[codes == k], x[known & (codes != k)]) for k in range(3)]).mean()
    assert coral_one_against_rest(x, codes).item() == pytest.approx(expected.item(), abs=1e-12)
