import math

import pytest
import torch
import torch.nn.functional as F

from adfair.objectives.contrastive import infonce_per_pair
from adfair.objectives.interface import Batch
from adfair.objectives.same_cell import (
    FEWEST,
    SameCellInfoNCE,
    SameCellSigLIP,
    cell_mask,
    cells,
    masked_infonce_per_pair,
    masked_siglip_per_pair,
)
from adfair.objectives.siglip import siglip_per_pair


def unit(seed: int, n: int = 8, d: int = 5) -> torch.Tensor:
    maker = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=maker, dtype=torch.float64), dim=1)


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


CODES = {"race": torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]), "sex": torch.tensor([0, 0, 1, 1, 0, 0, 1, 1])}


def test_mask_is_the_intersection() -> None:
    mask = cell_mask(CODES, fewest=2)
    expected = torch.block_diag(*[torch.ones(2, 2)] * 4).bool()
    assert torch.equal(mask, expected)


def test_small_cells_and_unknown_rows_keep_all_candidates() -> None:
    codes = {"race": torch.tensor([0] * FEWEST + [1] * (FEWEST - 1) + [-1])}
    mask = cell_mask(codes)
    assert mask[:FEWEST].sum(1).tolist() == [FEWEST] * FEWEST  # an unknown row is nobody's negative in a cell
    assert bool(mask[FEWEST:].all())


def test_continuous_attributes_are_passed_over() -> None:
    assert torch.equal(
        cell_mask({**CODES, "age": torch.linspace(-1, 1, 8)}, fewest=2), cell_mask(CODES, fewest=2)
    )


def test_each_cell_by_itself_is_plain_infonce() -> None:
    image, text, scale = unit(0), unit(1), scalar(9.0)
    found, chance = masked_infonce_per_pair(image, text, scale, cell_mask(CODES, fewest=2))
    alone = torch.cat([infonce_per_pair(image[i : i + 2], text[i : i + 2], scale) for i in range(0, 8, 2)])
    assert found.tolist() == pytest.approx(alone.tolist(), abs=1e-12)
    assert chance.tolist() == pytest.approx([math.log(2)] * 8)


def test_without_groups_it_is_the_plain_loss() -> None:
    image, text, everything = unit(2), unit(3), torch.ones(8, 8, dtype=torch.bool)
    plain = infonce_per_pair(image, text, scalar(5.0))
    assert torch.equal(masked_infonce_per_pair(image, text, scalar(5.0), everything)[0], plain)
    sigmoid = masked_siglip_per_pair(image, text, scalar(5.0), scalar(-4.0), everything)
    expected = siglip_per_pair(image, text, scalar(5.0), scalar(-4.0))
    assert sigmoid.tolist() == pytest.approx(expected.tolist(), abs=1e-12)


def test_no_reward_for_telling_groups_apart() -> None:
    """A dimension in which both embeddings say the group, and nothing else, leaves the masked loss as it is."""
    image, text = unit(4), unit(5)
    mask = cell_mask({"race": CODES["race"]}, fewest=2)
    group = 3.0 * CODES["race"].double()[:, None]
    told = [torch.cat([emb, group], dim=1) for emb in (image, text)]
    masked = masked_infonce_per_pair(image, text, scalar(4.0), mask)[0]
    assert torch.allclose(masked_infonce_per_pair(*told, scalar(4.0), mask)[0], masked, atol=1e-12)
    plain, helped = (infonce_per_pair(*pair, scalar(4.0)).sum() for pair in ((image, text), told))
    assert helped < plain - 1, "told apart from everybody, it pays"


def batch(*, image: torch.Tensor, text: torch.Tensor) -> Batch:
    """23 rows: cells of several sizes, some too small, some rows of unknown group."""
    race, sex = torch.arange(23) % 7 % 3, torch.arange(23) % 5 % 2
    race[::9], sex[4] = -1, -1
    return Batch(
        image_emb=image,
        text_emb=text,
        logit_scale=scalar(9.0),
        logit_bias=scalar(-2.0),
        codes={"race": race, "sex": sex},
        rows=torch.arange(23),
        findings=torch.zeros(23, 0),
        weights=torch.linspace(0.5, 1.5, 23),
    )


@pytest.mark.parametrize("objective", [SameCellInfoNCE, SameCellSigLIP])
@pytest.mark.parametrize("tile", [1, 5, 8, 23, 64])
def test_strips_are_the_whole_logits(objective: type, tile: int) -> None:
    found = []
    for chunk in (0, tile):
        leaves = [unit(seed, n=23).requires_grad_() for seed in (9, 10)]
        whole = batch(image=leaves[0], text=leaves[1])
        pairing = objective(chunk)(whole)
        leaves += [whole.logit_scale] + ([whole.logit_bias] if objective is SameCellSigLIP else [])
        # Twice, as training does where it compares the gradients of two terms.
        grads = [torch.autograd.grad(pairing.loss, leaves, retain_graph=True) for _ in range(2)]
        assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))
        found.append([pairing.loss, pairing.per_pair, *grads[0]])
        assert pairing.chance == (None if objective is SameCellSigLIP else pytest.approx(2.3, abs=0.5))
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


def test_cells_number_rows_of_known_groups() -> None:
    cell, free = cells({"race": torch.tensor([1, 0, 1, -1, 1, 1])}, fewest=4)
    assert cell.tolist() == [2, 1, 2, -1, 2, 2]
    assert free.tolist() == [False, True, False, True, False, False]


@pytest.mark.parametrize("loss", ["infonce", "siglip"])
def test_gradients(loss: str) -> None:
    image, text, mask = unit(7).requires_grad_(), unit(8).requires_grad_(), cell_mask(CODES, fewest=2)
    if loss == "infonce":
        inputs, run = (image, text, scalar(3.0)), lambda *x: masked_infonce_per_pair(*x, mask)[0]
    else:
        inputs, run = (image, text, scalar(3.0), scalar(-2.0)), lambda *x: masked_siglip_per_pair(*x, mask)
    assert torch.autograd.gradcheck(run, inputs, atol=1e-6)
