import math

import pytest
import torch
import torch.nn.functional as F

from adfair.models.adversary import build_adversary
from adfair.objectives.adversarial import (
    AdversarialTerm,
    adversary_loss,
    adversary_weight,
    balanced_accuracy,
    balanced_cross_entropy,
    reverse_gradient,
)


def logits(seed: int, n: int = 10, k: int = 3) -> torch.Tensor:
    return torch.randn(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CODES = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 2, -1])


def test_balanced_cross_entropy_is_the_mean_over_groups_of_the_mean_within() -> None:
    z = logits(0)
    each = F.cross_entropy(z[:9], CODES[:9], reduction="none")
    by_hand = torch.stack([each[CODES[:9] == k].mean() for k in range(3)]).mean() / math.log(3)
    assert balanced_cross_entropy(z, CODES).item() == pytest.approx(by_hand.item(), abs=1e-12)


def test_constant_logits_are_chance_whatever_the_group_sizes() -> None:
    assert balanced_cross_entropy(torch.zeros(10, 3), CODES).item() == pytest.approx(1.0, abs=1e-6)


def test_an_absent_group_is_left_out_and_unknown_rows_do_not_matter() -> None:
    z, codes = logits(1), torch.tensor([0, 0, 1, 1, -1, -1, -1, -1, -1, -1])
    changed = z.clone()
    changed[4:] = 100.0
    assert balanced_cross_entropy(z, codes).item() == balanced_cross_entropy(changed, codes).item()
    each = F.cross_entropy(z[:4], codes[:4], reduction="none")
    assert balanced_cross_entropy(z, codes).item() == pytest.approx(
        (each[:2].mean() + each[2:].mean()).item() / 2 / math.log(3), abs=1e-12
    )


@pytest.mark.parametrize("codes", [[-1] * 10, [1] * 10, [0] + [-1] * 9])
def test_fewer_than_two_groups_teach_nothing(codes: list[int]) -> None:
    z = logits(2).requires_grad_()
    loss = balanced_cross_entropy(z, torch.tensor(codes))
    loss.backward()
    assert loss.item() == 0
    assert z.grad is not None
    assert torch.count_nonzero(z.grad) == 0


def test_gradient_check() -> None:
    z = logits(3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: balanced_cross_entropy(x, CODES), (z,), atol=1e-6)


def test_reverse_gradient() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = reverse_gradient(x, 0.5)
    (y * torch.tensor([3.0, 4.0])).sum().backward()
    assert torch.equal(y, x)
    assert x.grad is not None
    assert x.grad.tolist() == [-1.5, -2.0]


def test_balanced_accuracy() -> None:
    z = torch.eye(3)[torch.tensor([0, 0, 1, 1, 2, 0])]
    codes = torch.tensor([0, 0, 0, 1, 2, -1])
    assert balanced_accuracy(z, codes) == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert math.isnan(balanced_accuracy(z, torch.full((6,), -1)))


def test_schedule() -> None:
    def at(step: int) -> float:
        return adversary_weight(step, 100, weight=2.0, delay=0.2, ramp=0.4)

    assert [at(s) for s in (0, 19, 20, 40, 60, 99)] == [0.0, 0.0, 0.0, 1.0, 2.0, 2.0]
    assert adversary_weight(0, 100, weight=2.0, delay=0.0, ramp=0.0) == 2.0


def term(update: str, *, steps: int, lr: float = 1e-2) -> AdversarialTerm:
    adversary = build_adversary(8, {"race": 3}, "image", seed=0)
    optimizer = torch.optim.SGD(adversary.parameters(), lr=lr)
    return AdversarialTerm(adversary, optimizer, lambda loss: loss.backward(), steps=steps, update=update)


def batch() -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    maker = torch.Generator().manual_seed(5)
    image = F.normalize(torch.randn(10, 8, generator=maker), dim=1).requires_grad_()
    return image, torch.randn(10, 8, generator=maker), {"race": CODES}


def test_both_updates_push_the_towers_the_same_way() -> None:
    grads = []
    for update in ("reversal", "alternating"):
        image, text, codes = batch()
        term(update, steps=0).penalty(image, text, codes, 1.7).backward()
        assert image.grad is not None
        grads.append(image.grad)
    assert torch.allclose(grads[0], grads[1], atol=1e-7)
    assert grads[0].abs().sum() > 0


def test_the_towers_gradient_is_minus_weight_times_the_adversarys() -> None:
    image, text, codes = batch()
    game = term("reversal", steps=0)
    game.penalty(image, text, codes, 0.5).backward()
    free = image.detach().clone().requires_grad_()
    adversary_loss(game.adversary({"image": free}), codes).backward()
    assert image.grad is not None
    assert free.grad is not None
    assert torch.allclose(image.grad, -0.5 * free.grad, atol=1e-7)


def test_weight_zero_sends_no_gradient_to_the_towers() -> None:
    image, text, codes = batch()
    game = term("reversal", steps=1)
    game.penalty(image, text, codes, 0.0).backward()
    assert image.grad is None


def test_the_adversary_learns_in_fit_and_stands_still_in_alternating_joint_steps() -> None:
    image, text, codes = batch()
    game = term("alternating", steps=20, lr=0.5)
    before = adversary_loss(game.adversary({"image": image}), codes).item()
    game.fit(image, text, codes)
    after = adversary_loss(game.adversary({"image": image}), codes).item()
    assert after < before - 0.05
    frozen = [p.clone() for p in game.adversary.parameters()]
    game.penalty(image, text, codes, 1.0).backward()
    game.finish()
    assert all(torch.equal(a, b) for a, b in zip(frozen, game.adversary.parameters(), strict=True))
