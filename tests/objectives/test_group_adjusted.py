import dataclasses
import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from adfair.objectives.contrastive import infonce_per_pair
from adfair.objectives.group_adjusted import GroupAdjustedInfoNCE, GroupAdjustedSigLIP, GroupRatios
from adfair.objectives.interface import Batch
from adfair.objectives.siglip import siglip_per_pair


def batch(image: torch.Tensor, text: torch.Tensor, scale: float = 1.0) -> Batch:
    n = len(image)
    return Batch(
        image_emb=image,
        text_emb=text,
        logit_scale=torch.tensor(scale, dtype=torch.float64),
        logit_bias=torch.tensor(-3.0, dtype=torch.float64),
        codes={},
        rows=torch.arange(n),
        findings=torch.zeros(n, 0),
    )


def unit(seed: int, n: int = 6, d: int = 4) -> torch.Tensor:
    maker = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=maker, dtype=torch.float64), dim=1)


def ratios(seed: int, n: int = 6, k: int = 3) -> GroupRatios:
    """Random ones; the first row is of unknown group."""
    maker = torch.Generator().manual_seed(seed)
    cells = torch.randint(0, k, (n,), generator=maker)
    cells[0] = -1
    return GroupRatios(cells, torch.randn(n, k, generator=maker))


def test_each_logit_gets_what_its_text_says_about_its_images_group() -> None:
    three = GroupRatios(torch.tensor([0, 1, -1]), torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]))
    seen = batch(unit(0, 3), unit(1, 3))
    expected = torch.tensor([[0.1, 0.3, 0.5], [0.2, 0.4, 0.6], [0.0, 0.0, 0.0]], dtype=torch.float64)
    assert torch.allclose(three.of(seen, 1.0).logits(), expected)
    assert torch.allclose(three.of(seen, 0.5).logits(), expected / 2)
    two = dataclasses.replace(seen, rows=torch.tensor([2, 0]))
    assert torch.allclose(
        three.of(two, 1.0).logits(), torch.tensor([[0.0, 0.0], [0.5, 0.1]], dtype=torch.float64)
    )


def test_strength_follows_the_step() -> None:
    seen = dataclasses.replace(batch(unit(0), unit(1)), step=3)
    asked: list[int] = []
    loss = GroupAdjustedInfoNCE(ratios(2), lambda step: float(asked.append(step) or 0.25))  # type: ignore[func-returns-value]
    quarter = GroupRatios(ratios(2).cells, ratios(2).log_ratios / 4)
    assert torch.allclose(loss(seen).per_pair, GroupAdjustedInfoNCE(quarter)(seen).per_pair)
    assert asked == [3]


def test_chance_is_the_loss_where_the_film_says_nothing() -> None:
    blank = batch(torch.zeros(6, 4, dtype=torch.float64), unit(1))
    found = GroupAdjustedInfoNCE(ratios(3))(blank)
    assert found.chance == pytest.approx(found.loss.item(), abs=1e-12)


@pytest.mark.parametrize("loss", [GroupAdjustedInfoNCE, GroupAdjustedSigLIP])
@pytest.mark.parametrize("scale", [7.0, 100.0])
def test_tiles_give_the_same_losses_and_gradients(loss: type, scale: float) -> None:
    found = []
    for chunk in (0, 4):
        seen = batch(unit(4, 11).requires_grad_(), unit(5, 11).requires_grad_(), scale)
        assert seen.logit_bias is not None
        leaves = [seen.image_emb, seen.text_emb, seen.logit_scale.requires_grad_()]
        value = loss(ratios(6, 11), chunk=chunk)(seen)
        found.append([value.per_pair, *torch.autograd.grad(value.loss, leaves)])
    for whole, tiled in zip(*found, strict=True):
        assert torch.allclose(whole, tiled, rtol=1e-10, atol=1e-12)


def test_where_findings_say_nothing_it_is_the_plain_loss() -> None:
    image, text, none = unit(0), unit(1), GroupRatios(torch.arange(6), torch.zeros(6, 6))
    seen = batch(image, text, 7.0)
    found = GroupAdjustedInfoNCE(none)(seen)
    assert torch.equal(found.per_pair, infonce_per_pair(image, text, seen.logit_scale))
    assert found.chance == pytest.approx(math.log(6))
    assert seen.logit_bias is not None
    plain = siglip_per_pair(image, text, seen.logit_scale, seen.logit_bias)
    assert torch.equal(GroupAdjustedSigLIP(none)(seen).per_pair, plain)


COUNTS = {(0, 0): 48, (0, 1): 16, (1, 0): 8, (1, 1): 24}
"""Patients by (group, finding): the finding goes with the group."""
SHOWN = {0: 0.25, 1: 0.75}
"""Share of films that show the sign, by finding; in every group alike."""


def population() -> torch.Tensor:
    """Rows (group, sign on the film, finding in the report) with exactly these frequencies, [N, 3]."""
    rows = []
    for (group, finding), count in COUNTS.items():
        shown = round(count * SHOWN[finding])
        rows += [(group, 1, finding)] * shown + [(group, 0, finding)] * (count - shown)
    return torch.tensor(rows)


def learned_odds(adjusted: bool) -> dict[tuple[int, int], float]:
    """What the film (group, sign) says for the finding and against it, once the loss is at its minimum.

    The similarity is a free table: an image is one of four films, a text one of two findings.
    """
    rows = population()
    film, finding = F.one_hot(2 * rows[:, 0] + rows[:, 1], 4).double(), F.one_hot(rows[:, 2], 2).double()
    group = F.one_hot(rows[:, 0], 2).double()
    given = (finding.T @ group) / finding.sum(0)[:, None]
    ratios = (given / group.mean(0)).log() if adjusted else torch.zeros(2, 2, dtype=torch.float64)
    loss = GroupAdjustedInfoNCE(GroupRatios(rows[:, 0], finding @ ratios))
    table = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [table], max_iter=2000, tolerance_grad=1e-13, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss(batch(film @ table, finding)).loss
        value.backward()
        return value

    optimizer.step(closure)
    odds = (table[:, 1] - table[:, 0]).detach()
    return {(g, s): float(odds[2 * g + s]) for g, s in itertools.product((0, 1), (0, 1))}


def test_at_the_minimum_the_group_says_nothing_of_the_finding() -> None:
    overall = math.log(
        sum(n for (_, f), n in COUNTS.items() if f) / sum(n for (_, f), n in COUNTS.items() if not f)
    )
    film_alone = {1: math.log(SHOWN[1] / SHOWN[0]), 0: math.log((1 - SHOWN[1]) / (1 - SHOWN[0]))}
    fair = learned_odds(adjusted=True)
    for (_, sign), odds in fair.items():
        assert odds == pytest.approx(film_alone[sign], abs=1e-5)
    # Without the correction the odds of the finding in the group are in the similarity: that is the shortcut.
    for (group, sign), odds in learned_odds(adjusted=False).items():
        prior = math.log(COUNTS[group, 1] / COUNTS[group, 0]) - overall
        assert odds == pytest.approx(film_alone[sign] + prior, abs=1e-5)
