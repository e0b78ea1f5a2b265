import math

import pytest
import torch
import torch.nn.functional as F

from adfair.errors import TrainingError
from adfair.objectives.fastclip import FastCLIP, gamma, log_inner
from adfair.objectives.interface import Batch

N, D = 6, 4


def unit(seed: int) -> torch.Tensor:
    maker = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(N, D, generator=maker, dtype=torch.float64), dim=1)


def batch(image: torch.Tensor, text: torch.Tensor, scale: torch.Tensor, *, step: int = 0) -> Batch:
    return Batch(
        image_emb=image,
        text_emb=text,
        logit_scale=scale,
        codes={},
        rows=torch.arange(N),
        findings=torch.zeros(N, 0),
        step=step,
    )


def objective(temperature: str, **more: float) -> FastCLIP:
    keys = {"steps_per_epoch": 1, "gamma_epochs": 4.0, **more}
    return FastCLIP(N, index="abc", temperature=temperature, **keys)  # type: ignore[arg-type]


def inner_by_hand(image: torch.Tensor, text: torch.Tensor, tau: float) -> list[list[float]]:
    s = (image @ text.T).tolist()
    images = [
        sum(math.exp((s[i][j] - s[i][i]) / tau) for j in range(N) if j != i) / (N - 1) for i in range(N)
    ]
    texts = [sum(math.exp((s[j][i] - s[i][i]) / tau) for j in range(N) if j != i) / (N - 1) for i in range(N)]
    return [images, texts]


def test_inner_function_by_hand() -> None:
    image, text, tau = unit(0), unit(1), torch.tensor(0.2, dtype=torch.float64)
    found = torch.stack(log_inner(image, text, (tau, tau))).exp()
    assert torch.allclose(
        found, torch.tensor(inner_by_hand(image, text, 0.2), dtype=torch.float64), atol=1e-12
    )


def test_nothing_overflows_at_a_low_temperature() -> None:
    image = unit(2).float()
    tau = torch.tensor(0.001)
    assert all(torch.isfinite(part).all() for part in log_inner(image, -image, (tau, tau)))


def test_gamma_is_one_in_the_first_epoch_then_falls_to_its_lowest() -> None:
    def at(step: int) -> float:
        return gamma(step, steps_per_epoch=10, epochs=4, lowest=0.2)

    assert [at(s) for s in (0, 9)] == [1.0, 1.0]
    assert at(20) == pytest.approx(0.6)
    assert at(40) == at(99) == pytest.approx(0.2)


def test_moving_average_by_hand_and_its_gradient() -> None:
    term, scale = (
        objective("constant", gamma_min=0.5, gamma_epochs=1.0),
        torch.tensor(5.0, dtype=torch.float64),
    )
    term(batch(unit(0), unit(1), scale))
    image, text = unit(2).requires_grad_(), unit(3).requires_grad_()
    found = term(batch(image, text, scale, step=1)).loss
    old, new = (
        torch.tensor(inner_by_hand(i, t, 0.2), dtype=torch.float64)
        for i, t in ((unit(0), unit(1)), (image.detach(), text.detach()))
    )
    u = 0.5 * old + 0.5 * new
    assert found.item() == pytest.approx(u.log().mean().item(), abs=1e-6)
    tau = torch.tensor(0.2, dtype=torch.float64)
    g = torch.stack(log_inner(image, text, (tau, tau))).exp()
    by_hand = torch.autograd.grad((g / u).mean(), (image, text))
    ours = torch.autograd.grad(found, (image, text))
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(ours, by_hand, strict=True))


def test_the_first_epoch_is_the_batch_loss_whose_gradients_check() -> None:
    def loss(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        return objective("constant")(batch(image, text, torch.tensor(4.0, dtype=torch.float64))).loss

    assert torch.autograd.gradcheck(loss, (unit(0).requires_grad_(), unit(1).requires_grad_()), atol=1e-6)


def test_the_global_temperature_feels_the_derivative_of_the_papers_objective() -> None:
    rho, image, text = 6.5, unit(0), unit(1)

    def paper(tau: torch.Tensor) -> torch.Tensor:
        return tau * (torch.stack(log_inner(image, text, (tau, tau))).mean() + rho)

    tau = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    expected = torch.autograd.grad(paper(tau), tau)[0] / 0.3
    scale = torch.tensor(1 / 0.3, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(objective("global")(batch(image, text, scale)).loss, scale)
    assert (found * -(1 / 0.3**2)).item() == pytest.approx(expected.item(), abs=1e-9)


def test_individual_temperatures_are_learned_and_kept_by_row() -> None:
    term, scale = objective("individual"), torch.tensor(5.0, dtype=torch.float64)
    image, text = unit(0), unit(1)
    term(batch(image, text, scale))
    tau = term.state()["tau"]
    assert (tau - 0.2).abs().max() < 0.01
    start = torch.full((2, len(image)), 0.2, dtype=torch.float64, requires_grad=True)
    paper = (start * (torch.stack(log_inner(image, text, (start[0], start[1]))) + 6.5)).sum()
    (gradient,) = torch.autograd.grad(paper, start)
    assert torch.equal((tau - 0.2).sign(), -gradient.sign().to(tau)), "a step down the paper's objective"


@pytest.mark.parametrize("temperature", ["constant", "individual", "global"])
@pytest.mark.parametrize("tile", [1, 4, 6, 9])
def test_strips_are_the_whole_similarities(temperature: str, tile: int) -> None:
    found = []
    for chunk in (0, tile):
        term = objective(temperature, gamma_min=0.5, gamma_epochs=1.0, chunk=chunk)
        leaves = [unit(0).requires_grad_(), unit(1).requires_grad_()]
        scale = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
        for step in (0, 1):  # the second one meets moving averages and temperatures of the first
            pairing = term(batch(leaves[0], leaves[1], scale, step=step))
        wanted = [*leaves, scale] if temperature == "global" else leaves
        found.append([pairing.per_pair, *torch.autograd.grad(pairing.loss, wanted), term.tau.nan_to_num()])
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


def test_a_state_resumes_on_the_same_rows_only() -> None:
    term, scale = objective("constant"), torch.tensor(5.0, dtype=torch.float64)
    term(batch(unit(0), unit(1), scale))
    same, other = objective("constant"), FastCLIP(N, index="abd", steps_per_epoch=1, gamma_epochs=4.0)
    same.load(term.state())
    resumed = [t(batch(unit(2), unit(3), scale, step=3)).loss.item() for t in (term, same)]
    assert resumed[0] == resumed[1]
    with pytest.raises(TrainingError, match="not those"):
        other.load(term.state())
