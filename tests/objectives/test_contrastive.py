import math

import open_clip
import pytest
import torch
import torch.nn.functional as F

from adfair.objectives.contrastive import infonce, infonce_per_pair, weighted_mean


def unit(seed: int, n: int = 12, d: int = 8) -> torch.Tensor:
    return F.normalize(
        torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64), dim=1
    )


def test_agrees_with_open_clip() -> None:
    image, text, scale = unit(0), unit(1), torch.tensor(14.0, dtype=torch.float64)
    theirs = open_clip.ClipLoss()(image, text, scale)
    assert infonce(image, text, scale).item() == pytest.approx(theirs.item(), abs=1e-12)


def test_closed_forms() -> None:
    one = torch.ones((5, 1), dtype=torch.float64)
    assert infonce(one, one, torch.tensor(3.0)).item() == pytest.approx(math.log(5), abs=1e-12)
    eye = torch.eye(4, dtype=torch.float64)
    expected = math.log(1 + 3 * math.exp(-6.0))
    assert infonce(eye, eye, torch.tensor(6.0)).item() == pytest.approx(expected, abs=1e-12)


def test_gradients() -> None:
    image, text = unit(2, 5, 3).requires_grad_(), unit(3, 5, 3).requires_grad_()
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(infonce, (image, text, scale), atol=1e-6)


def test_weights_are_normalised_over_the_batch_and_equal_weights_change_nothing() -> None:
    losses = infonce_per_pair(unit(4), unit(5), torch.tensor(3.0, dtype=torch.float64))
    assert weighted_mean(losses, torch.full((12,), 7.0)).item() == pytest.approx(
        losses.mean().item(), abs=1e-12
    )
    weights = torch.zeros(12)
    weights[3], weights[8] = 1.0, 3.0
    expected = (losses[3] + 3 * losses[8]) / 4
    assert weighted_mean(losses, weights).item() == pytest.approx(expected.item(), abs=1e-12)
