import math

import pytest
import torch
import torch.nn.functional as F
from open_clip.loss import SigLipLoss

from adfair.objectives.siglip import siglip_per_pair


def unit(seed: int, n: int = 9, d: int = 6) -> torch.Tensor:
    maker = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=maker, dtype=torch.float64), dim=1)


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def test_agrees_with_open_clip() -> None:
    image, text, scale, bias = unit(0), unit(1), scalar(10.0), scalar(-10.0)
    theirs = SigLipLoss()(image, text, scale, bias)
    assert siglip_per_pair(image, text, scale, bias).mean().item() == pytest.approx(theirs.item(), abs=1e-12)


def test_closed_form() -> None:
    eye = torch.eye(3, dtype=torch.float64)
    loss = siglip_per_pair(eye, eye, scalar(4.0), scalar(-1.0))
    softplus = lambda x: math.log1p(math.exp(x))  # noqa: E731
    expected = softplus(-3.0) + 2 * softplus(-1.0)
    assert loss.tolist() == pytest.approx([expected] * 3, abs=1e-12)


def test_gradients() -> None:
    image, text = unit(2, 5, 3).requires_grad_(), unit(3, 5, 3).requires_grad_()
    assert torch.autograd.gradcheck(siglip_per_pair, (image, text, scalar(3.0), scalar(-2.0)), atol=1e-6)
