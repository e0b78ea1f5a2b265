import pytest
import torch
from torch import Tensor

from adfair.objectives.sinkhorn import sinkhorn_divergence, temperatures
from adfair.objectives.transport import transport_cost


def sample(n: int, seed: int, *, spread: float = 1.0) -> Tensor:
    return spread * torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    ("n", "m", "spread", "blur"), [(12, 12, 1, 0.05), (9, 20, 1, 1e-4), (16, 7, 300, 1e-4)]
)
def test_agrees_with_geomloss(n: int, m: int, spread: float, blur: float) -> None:
    geomloss = pytest.importorskip("geomloss")
    theirs = geomloss.SamplesLoss("sinkhorn", p=2, blur=blur, backend="tensorized")
    x, y = sample(n, n, spread=spread).requires_grad_(), sample(m, 30 + m).requires_grad_()
    ours, expected = sinkhorn_divergence(x, y, blur=blur), theirs(x[:, None], y[:, None])
    assert ours.item() == pytest.approx(expected.item(), rel=1e-9)
    for mine, its in zip(
        torch.autograd.grad(ours, (x, y)), torch.autograd.grad(expected, (x, y)), strict=True
    ):
        assert torch.allclose(mine, its, rtol=1e-7, atol=1e-9 * spread)


def test_closed_forms() -> None:
    x = sample(8, 1)
    point = torch.tensor([0.5], dtype=torch.float64)
    assert sinkhorn_divergence(point, point + 3).item() == pytest.approx(4.5, abs=1e-10)
    assert sinkhorn_divergence(x, x).item() == pytest.approx(0, abs=1e-10)
    assert sinkhorn_divergence(point.repeat(3), point.repeat(5)).item() == pytest.approx(0, abs=1e-10)


def test_annealed_slowly_it_tends_to_exact_transport() -> None:
    x, y = sample(12, 2), sample(15, 3) + 1
    exact = transport_cost(x, y).item()
    errors = [
        abs(sinkhorn_divergence(x, y, blur=0.05, scaling=pace).item() / exact - 1)
        for pace in (0.5, 0.9, 0.98)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.02


def test_the_gradient_is_the_derivative_as_far_as_the_potentials_have_converged() -> None:
    x, y, way = sample(6, 4).requires_grad_(), sample(5, 5) + 1, sample(6, 6)

    def slope(pace: float) -> tuple[float, float]:
        value = sinkhorn_divergence(x, y, blur=0.5, scaling=pace)
        (grad,) = torch.autograd.grad(value, x)
        ends = [sinkhorn_divergence(x + t * way, y, blur=0.5, scaling=pace).item() for t in (1e-4, -1e-4)]
        return (grad @ way).item(), (ends[0] - ends[1]) / 2e-4

    (fast, fast_slope), (slow, slow_slope) = slope(0.5), slope(0.99)
    assert slow == pytest.approx(slow_slope, rel=5e-3)
    assert abs(slow - slow_slope) < abs(fast - fast_slope) / 5


def test_temperatures() -> None:
    assert temperatures(8.0, blur=1.0, scaling=0.5) == pytest.approx([64, 64, 16, 4, 1])
    assert temperatures(0.0, blur=0.1, scaling=0.5) == pytest.approx([0.01, 0.01])
