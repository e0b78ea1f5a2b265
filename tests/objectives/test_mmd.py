from itertools import permutations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics.pairwise import rbf_kernel
from torch import Tensor

from adfair.objectives.mmd import BANDWIDTHS, kernel_matrix, median_square, mmd_one_against_rest


def unit(n: int, seed: int, d: int = 5) -> Tensor:
    maker = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=maker, dtype=torch.float64), dim=1)


def by_double_loop(x: np.ndarray, y: np.ndarray, scale: float) -> float:
    """Unbiased squared MMD, pair by pair."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean([np.exp(-np.sum((a - b) ** 2) / (w * scale)) for w in BANDWIDTHS]))

    n, m = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


def test_kernel_agrees_with_scikit_learn() -> None:
    x = unit(9, 0)
    scale = median_square(x)
    expected = np.mean([rbf_kernel(x.numpy(), gamma=1 / (b * scale.item())) for b in BANDWIDTHS], axis=0)
    assert np.allclose(kernel_matrix(x, scale).numpy(), expected, atol=1e-12)


def test_agrees_with_a_double_loop() -> None:
    x = unit(16, 1)
    codes = torch.tensor([0, 1, 2, -1] * 4)
    known, group = x[codes >= 0].numpy(), codes[codes >= 0].numpy()
    gaps = [np.sum((a - b) ** 2) for i, a in enumerate(known) for b in known[:i]]
    scale = float(np.median(gaps)) if len(gaps) % 2 else sorted(gaps)[len(gaps) // 2 - 1]
    expected = np.mean([by_double_loop(known[group == k], known[group != k], scale) for k in range(3)])
    assert mmd_one_against_rest(x, codes).item() == pytest.approx(expected, abs=1e-12)


def test_closed_form_of_two_far_clusters() -> None:
    x = torch.tensor([[0.0, 0.0]] * 4 + [[1.0, 0.0]] * 4, dtype=torch.float64)
    codes = torch.arange(8) // 4
    apart = np.mean([np.exp(-1 / (b * 0.7)) for b in BANDWIDTHS])
    scale = torch.tensor(0.7, dtype=torch.float64)
    assert mmd_one_against_rest(x, codes, scale=scale).item() == pytest.approx(2 - 2 * apart, abs=1e-12)


def test_it_is_zero_in_the_mean_over_all_ways_to_deal_out_the_groups() -> None:
    x = unit(6, 2)
    deals = [torch.tensor(deal) for deal in set(permutations([0, 0, 0, 1, 1, 1]))]
    values = [mmd_one_against_rest(x, deal, least=2).item() for deal in deals]
    assert len(values) == 20
    assert np.mean(values) == pytest.approx(0, abs=1e-12)
    assert max(values) > 0.02


def test_gradients_at_a_fixed_bandwidth() -> None:
    x, codes = unit(10, 3).requires_grad_(), torch.tensor([0, 1] * 5)
    scale = median_square(x)
    assert not scale.requires_grad
    assert torch.autograd.gradcheck(lambda z: mmd_one_against_rest(z, codes, scale=scale), (x,), atol=1e-6)


def test_shrinking_everything_gains_nothing() -> None:
    x, codes = unit(12, 4), torch.arange(12) % 2
    value = mmd_one_against_rest(x, codes).item()
    assert mmd_one_against_rest(0.01 * x + 5, codes).item() == pytest.approx(value, abs=1e-9)


def test_rows_all_alike_stay_finite() -> None:
    x = F.normalize(torch.ones(8, 3), dim=1).requires_grad_()
    value = mmd_one_against_rest(x, torch.arange(8) % 2)
    (grad,) = torch.autograd.grad(value, x)
    assert abs(value.item()) < 1e-5
    assert torch.isfinite(grad).all()
