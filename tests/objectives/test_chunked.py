import open_clip
import pytest
import torch
import torch.nn.functional as F
from open_clip.loss import SigLipLoss
from torch import Tensor

from adfair.objectives import chunked
from adfair.objectives.chunked import TILE, WHOLE, chunked_infonce, chunked_siglip, tile_size
from adfair.objectives.contrastive import infonce_per_pair
from adfair.objectives.siglip import siglip_per_pair

N, D = 53, 8  # no tile below divides N
TILES = (5, 16, 64)


def unit(seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    maker = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(N, D, generator=maker, dtype=torch.float64), dim=1).to(dtype)


def random(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return unit(0, dtype), unit(1, dtype)


def orthogonal(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Every image at right angles to every text: all logits are 0, 100 below the bound of scale 100."""
    image, text = unit(2), unit(3)
    image[:, D // 2 :], text[:, : D // 2] = 0, 0
    return F.normalize(image, dim=1).to(dtype), F.normalize(text, dim=1).to(dtype)


def antipodal(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return unit(4, dtype), -unit(4, dtype)


def far_cone(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """All images in one narrow cone and all texts in the opposite one: no logit comes near the bound."""
    axis = F.normalize(torch.ones(1, D, dtype=torch.float64))
    image, text = F.normalize(axis + 0.05 * unit(5), dim=1), F.normalize(-axis + 0.05 * unit(6), dim=1)
    return image.to(dtype), text.to(dtype)


PLACES = {"random": random, "orthogonal": orthogonal, "antipodal": antipodal, "far_cone": far_cone}
each_place = pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)


def pulls(n: int) -> Tensor:
    """Different weights for the pairs, so that rows and columns cannot be mixed up unnoticed."""
    return torch.rand(n, generator=torch.Generator().manual_seed(9), dtype=torch.float64) / n


def gradients(per_pair, leaves: list[Tensor]) -> list[Tensor]:
    leaves = [leaf.clone().requires_grad_() for leaf in leaves]
    losses = per_pair(*leaves)
    return [losses.detach(), *torch.autograd.grad(losses @ pulls(N).to(losses.dtype), leaves)]


def furthest(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Largest distance of a loss or gradient from its reference, relative to the norm (or to 1e-3: a sum may cancel)."""
    return max(
        ((a.double() - b.double()).norm() / b.double().norm().clamp(min=1e-3)).item()
        for a, b in zip(ours, theirs, strict=True)
    )


@each_place
@pytest.mark.parametrize("scale", [1.0, 14.0, 100.0])
@pytest.mark.parametrize("tile", TILES)
def test_infonce_is_that_of_whole_logits(place, scale: float, tile: int) -> None:
    leaves = [*place(torch.float64), torch.tensor(scale, dtype=torch.float64)]
    ours = gradients(lambda *x: chunked_infonce(*x, tile=tile), leaves)
    assert furthest(ours, gradients(lambda *x: infonce_per_pair(*x, chunk=0), leaves)) < 1e-12


@each_place
@pytest.mark.parametrize("scale", [14.0, 100.0])
def test_single_precision_is_as_near_the_truth_as_open_clip(place, scale: float) -> None:
    image, text = place(torch.float32)
    leaves = [image, text, torch.tensor(scale)]
    exact = gradients(lambda *x: infonce_per_pair(*x, chunk=0), [leaf.double() for leaf in leaves])
    ours = furthest(gradients(lambda *x: chunked_infonce(*x, tile=16), leaves)[1:3], exact[1:3])
    theirs = furthest(gradients(lambda *x: infonce_per_pair(*x, chunk=0), leaves)[1:3], exact[1:3])
    assert ours < max(1e-6, 2 * theirs)


def test_the_mean_agrees_with_open_clip() -> None:
    image, text, scale = unit(0), unit(1), torch.tensor(14.0, dtype=torch.float64)
    theirs = open_clip.ClipLoss()(image, text, scale)
    assert chunked_infonce(image, text, scale, tile=10).mean().item() == pytest.approx(
        theirs.item(), abs=1e-12
    )
    theirs = SigLipLoss()(image, text, scale, -scale)
    ours = chunked_siglip(image, text, scale, -scale, tile=10).mean()
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-12)


@each_place
def test_only_the_far_cone_needs_running_maxima(place, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    running = chunked._running_sums
    monkeypatch.setattr(chunked, "_running_sums", lambda tiles: calls.append(1) or running(tiles))
    losses = chunked_infonce(*place(torch.float32), torch.tensor(100.0), tile=16)
    assert torch.isfinite(losses).all()
    assert len(calls) == (place is far_cone)


@each_place
@pytest.mark.parametrize("bias", [-10.0, 60.0])
@pytest.mark.parametrize("tile", TILES)
def test_siglip_is_that_of_whole_logits(place, bias: float, tile: int) -> None:
    scalars = [torch.tensor(value, dtype=torch.float64) for value in (30.0, bias)]
    leaves = [*place(torch.float64), *scalars]
    ours = gradients(lambda *x: chunked_siglip(*x, tile=tile), leaves)
    assert furthest(ours, gradients(lambda *x: siglip_per_pair(*x, chunk=0), leaves)) < 1e-12


def test_finite_differences() -> None:
    image, text = unit(7)[:6, :3].clone().requires_grad_(), unit(8)[:6, :3].clone().requires_grad_()
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *x: chunked_infonce(*x, tile=4), (image, text, scale), atol=1e-6)
    leaves = (image, text, scale, -scale.detach().requires_grad_())
    assert torch.autograd.gradcheck(lambda *x: chunked_siglip(*x, tile=4), leaves, atol=1e-6)


def test_tiles_are_chosen_for_large_batches_or_on_request() -> None:
    assert [tile_size(n, None) for n in (2, WHOLE, WHOLE + 1)] == [0, 0, TILE]
    assert [tile_size(n, chunk) for n, chunk in ((WHOLE + 1, 0), (4, 3))] == [0, 3]
