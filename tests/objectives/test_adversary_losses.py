import math

import pytest
import torch
import torch.nn.functional as F

from adfair.objectives.adversary_losses import (
    adversary_loss,
    balanced_accuracy,
    balanced_cross_entropy,
    known_shares,
    squared_error,
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


def test_balanced_accuracy() -> None:
    z = torch.eye(3)[torch.tensor([0, 0, 1, 1, 2, 0])]
    codes = torch.tensor([0, 0, 0, 1, 2, -1])
    assert balanced_accuracy(z, codes) == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert math.isnan(balanced_accuracy(z, torch.full((6,), -1)))


def test_continuous_values_unknown_rows_left_out() -> None:
    values = torch.tensor([1.0, -1.0, float("nan"), 2.0], dtype=torch.float64)
    guess = torch.tensor([[1.0], [0.0], [99.0], [0.0]], dtype=torch.float64)
    assert squared_error(guess, values, known_shares(values)).item() == pytest.approx(
        (0 + 1 + 4) / 3, abs=1e-12
    )
    lonely = torch.tensor([1.0, float("nan")], dtype=torch.float64)
    assert known_shares(lonely).tolist() == [0.0, 0.0]


def test_predicting_the_mean_of_standardised_values_is_chance() -> None:
    raw = torch.randn(50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = (raw - raw.mean()) / raw.std(correction=0)
    loss = squared_error(torch.zeros(50, 1, dtype=torch.float64), values, known_shares(values))
    assert loss.item() == pytest.approx(1.0, abs=1e-12)


def test_the_loss_is_the_mean_over_attributes_and_the_sum_over_views() -> None:
    codes = {"race": CODES, "age": torch.linspace(-1, 1, 10, dtype=torch.float64)}
    heads = {
        "image:race": logits(4),
        "image:age": logits(5, k=1),
        "text:race": logits(6),
        "text:age": logits(7, k=1),
    }
    alone = [
        squared_error(z, codes["age"], known_shares(codes["age"])).item()
        if n.endswith("age")
        else balanced_cross_entropy(z, CODES).item()
        for n, z in heads.items()
    ]
    assert adversary_loss(heads, codes).item() == pytest.approx(sum(alone) / 2, abs=1e-12)
