import math
from collections.abc import Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from adfair.objectives.fairclip import (
    AS_CODED_WEIGHT,
    FairClipAsCoded,
    FairClipExact,
    group_transport,
    product_diagonal,
)
from adfair.objectives.interface import Batch, Pairing
from adfair.objectives.sinkhorn import sinkhorn_divergence
from adfair.objectives.transport import transport_cost

SPLIT = {"race": torch.where(torch.arange(50) % 10 == 0, -1, torch.arange(50) % 3)}


def unit(n: int, seed: int, d: int = 6) -> Tensor:
    maker = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=maker, dtype=torch.float64), dim=1)


IMAGES, TEXTS, SCALE = unit(50, 0), unit(50, 1), torch.tensor(5.0, dtype=torch.float64)


def batch(rows: Tensor, *, image: Tensor | None = None, step: int = 0, scale: Tensor = SCALE) -> Batch:
    return Batch(
        image_emb=IMAGES[rows] if image is None else image,
        text_emb=TEXTS[rows],
        logit_scale=scale,
        codes={name: codes[rows] for name, codes in SPLIT.items()},
        rows=rows,
        findings=torch.zeros(len(rows), 0),
        step=step,
    )


def penalty(term: FairClipExact | FairClipAsCoded, seen: Batch, weight: float = 1.0) -> Tensor:
    nothing = seen.image_emb.new_zeros(len(seen.rows))
    return term.penalty(seen, Pairing(nothing.mean(), nothing), weight)


def as_coded(codes: Mapping[str, Tensor] = SPLIT, **options: int) -> FairClipAsCoded:
    def embed(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return IMAGES[rows], TEXTS[rows], SCALE

    return FairClipAsCoded(embed, codes, seed=0, **options)


def test_exact_sums_transport_from_everyone_known_to_each_group() -> None:
    rows = torch.arange(40)
    cosines = torch.tensor([IMAGES[i] @ TEXTS[i] for i in rows], dtype=torch.float64)
    race = SPLIT["race"][rows]
    known = cosines[race >= 0]
    expected = sum(transport_cost(known, cosines[race == k]).item() for k in range(3))
    assert penalty(FairClipExact(weight=1.0), batch(rows)).item() == pytest.approx(expected, abs=1e-12)


def test_groups_with_the_same_scores_are_no_distance_apart() -> None:
    scores = torch.tensor([0.1, 0.4, 0.2, 0.9], dtype=torch.float64)
    assert group_transport(scores.repeat(3), torch.arange(12) // 4).item() == pytest.approx(0, abs=1e-12)
    # All of one group at 0 and of the other at 1: half of everyone moves by 1 to be either of them.
    ends = (torch.arange(8) // 4).double()
    assert group_transport(ends, torch.arange(8) // 4).item() == pytest.approx(2 * 0.5 * 0.5, abs=1e-12)


def test_the_temperature_does_not_count_in_exact() -> None:
    rows = torch.arange(40)
    colder = batch(rows, scale=10 * SCALE)
    assert (
        penalty(FairClipExact(weight=1.0), colder).item()
        == penalty(FairClipExact(weight=1.0), batch(rows)).item()
    )


def test_the_coded_score_is_the_diagonal_of_a_product_and_not_the_similarity() -> None:
    logits = SCALE * IMAGES[:7] @ TEXTS[:7].T
    score = product_diagonal(IMAGES[:7], TEXTS[:7], SCALE)
    assert torch.allclose(score, torch.diag(logits @ logits), atol=1e-12)
    assert not torch.allclose(score, torch.diag(logits), atol=0.1)


def test_as_coded_is_the_sinkhorn_of_raw_batch_scores_and_normalised_group_scores() -> None:
    term, rows = as_coded(group_batch=8), torch.arange(12)
    mine = torch.diag(torch.matrix_power(SCALE * IMAGES[:12] @ TEXTS[:12].T, 2))
    expected = 0.0
    for group in range(3):
        drawn = term.draw("race", group, 4)
        theirs = torch.diag(torch.matrix_power(SCALE * IMAGES[drawn] @ TEXTS[drawn].T, 2))
        expected += sinkhorn_divergence(mine, theirs / theirs.sum()).item()
    assert penalty(term, batch(rows, step=4)).item() == pytest.approx(expected, rel=1e-12)
    assert term.weight(0) == AS_CODED_WEIGHT == 1e-4


def test_as_coded_hardly_sees_the_groups() -> None:
    """The published fault: half the mean squared score of the batch, once a group, whoever is in the groups."""
    rows = torch.arange(30)
    mine = product_diagonal(IMAGES[rows], TEXTS[rows], SCALE)
    blind = 3 * 0.5 * mine.square().mean().item()
    dealt = {"race": SPLIT["race"][torch.randperm(50, generator=torch.Generator().manual_seed(2))]}
    for codes in (SPLIT, dealt):
        assert penalty(as_coded(codes), batch(rows)).item() == pytest.approx(blind, rel=0.1)


def test_as_coded_gives_gradient_to_the_batch_alone() -> None:
    image, scale = IMAGES[:12].clone().requires_grad_(), SCALE.clone().requires_grad_()
    penalty(as_coded(), batch(torch.arange(12), image=image, scale=scale)).backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert scale.grad is None


def test_as_coded_falls_along_its_gradient_by_shrinking_scores() -> None:
    image = IMAGES[:12].clone().requires_grad_()
    term, values = as_coded(), []
    optimizer = torch.optim.Adam([image], lr=0.05)
    for _ in range(6):
        value = penalty(term, batch(torch.arange(12), image=F.normalize(image, dim=1)))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]


def test_group_batches_go_through_each_group_by_shuffled_epochs() -> None:
    term = as_coded(group_batch=5)
    members = (SPLIT["race"] == 1).nonzero().flatten()
    steps = math.ceil(len(members) / 5)
    epochs = [torch.cat([term.draw("race", 1, e * steps + s) for s in range(steps)]) for e in (0, 1)]
    for epoch in epochs:
        assert torch.equal(epoch.sort().values, members)
    assert not torch.equal(*epochs)
    assert len(term.draw("race", 1, steps - 1)) == len(members) - 5 * (steps - 1)
    assert torch.equal(as_coded(group_batch=5).draw("race", 1, 7), term.draw("race", 1, 7))


def test_as_codeds_gradient_is_the_derivative_but_for_unconverged_potentials() -> None:
    rows, way, term = torch.arange(12), unit(12, 9), as_coded()
    image = IMAGES[:12].clone().requires_grad_()
    (grad,) = torch.autograd.grad(penalty(term, batch(rows, image=image)), image)
    ends = [penalty(term, batch(rows, image=IMAGES[:12] + t * way)).item() for t in (1e-5, -1e-5)]
    assert (grad * way).sum().item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=2e-3)
