import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from adfair.objectives.transport import transport_cost

SIZES = [(1, 1), (1, 6), (5, 7), (12, 12), (9, 31), (40, 16)]


def sample(n: int, seed: int, *, spread: float = 1.0) -> Tensor:
    return spread * torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear_program(x: Tensor, y: Tensor) -> float:
    """The least cost over all plans whose margins are uniform."""
    n, m = len(x), len(y)
    cost = 0.5 * (x[:, None] - y).square().numpy()
    margins = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    solved = linprog(cost.ravel(), A_eq=margins, b_eq=[1 / n] * n + [1 / m] * m)
    assert solved.status == 0
    return solved.fun


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_agrees_with_a_linear_program(n: int, m: int) -> None:
    x, y = sample(n, n), sample(m, 100 + m, spread=2.0)
    assert transport_cost(x, y).item() == pytest.approx(linear_program(x, y), abs=1e-9)


def test_ties_do_not_matter_to_the_cost() -> None:
    x, y = sample(20, 0).round(), sample(14, 1).round()
    assert transport_cost(x, y).item() == pytest.approx(linear_program(x, y), abs=1e-9)


def test_closed_forms() -> None:
    x, y = sample(7, 2), sample(11, 3)
    assert transport_cost(x, x + 3).item() == pytest.approx(4.5, abs=1e-12)
    assert transport_cost(x, x.repeat(3)).item() == pytest.approx(0, abs=1e-12)
    assert transport_cost(x[:1], y).item() == pytest.approx(
        0.5 * (x[0] - y).square().mean().item(), abs=1e-12
    )
    # Stretching about 0 moves every quantile by its own size.
    assert transport_cost(x, 3 * x).item() == pytest.approx(2 * x.square().mean().item(), abs=1e-12)
    # Masses 1/2, 1/2 against 1/3, 2/3: a sixth of the mass travels from 0 to 1.
    steps = transport_cost(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0, 1.0]))
    assert steps.item() == pytest.approx(1 / 12, abs=1e-7)


def test_is_symmetric_and_blind_to_order() -> None:
    x, y = sample(9, 4), sample(13, 5)
    cost = transport_cost(x, y).item()
    assert transport_cost(y, x).item() == pytest.approx(cost, abs=1e-14)
    assert transport_cost(x.flip(0), y[torch.randperm(13)]).item() == cost


def test_single_precision_stays_single_and_close() -> None:
    x, y = sample(300, 6), sample(170, 7)
    single = transport_cost(x.float(), y.float())
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(transport_cost(x, y).item(), rel=1e-5)


@pytest.mark.parametrize(("n", "m"), SIZES)
def test_gradients(n: int, m: int) -> None:
    x, y = sample(n, n).requires_grad_(), sample(m, 50 + m).requires_grad_()
    assert torch.autograd.gradcheck(transport_cost, (x, y), atol=1e-6)


def test_gradient_steps_bring_the_samples_together() -> None:
    x, y = sample(15, 8).requires_grad_(), sample(20, 9) + 2
    before = transport_cost(x, y)
    (grad,) = torch.autograd.grad(before, x)
    after = transport_cost(x - 15 * grad, y)
    # A whole step of size n carries every x to the mean of what it is coupled with: only the spread is left.
    assert after.item() < 0.05 * before.item()
