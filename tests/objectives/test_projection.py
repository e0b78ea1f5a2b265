import pytest
import torch

from adfair.objectives.projection import (
    no_conflict,
    no_conflict_per_sample,
    project_onto,
    projected,
    zhang,
)

# Worked by hand: g = [[3, 4], [0, 0]], h = [[1, 0], [0, 2]]: <g, h> = 3, <h, h> = 5, <g, g> = 25.
G = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)
H = torch.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=torch.float64)


def test_the_product_is_taken_over_the_whole_matrix() -> None:
    assert torch.allclose(project_onto(G, H), torch.tensor([[0.6, 0.0], [0.0, 1.2]], dtype=torch.float64))
    assert project_onto(G, torch.zeros_like(G)).abs().sum() == 0


def test_zhang_by_hand() -> None:
    # g - proj_h(g) - 2 h, and what is added to g for it.
    expected = torch.tensor([[3 - 0.6 - 2.0, 4.0], [0.0, -1.2 - 4.0]], dtype=torch.float64)
    assert torch.allclose(G + zhang(-2 * H, G), expected)


def test_no_conflict_by_hand() -> None:
    # -h points against g: its part along g, -3/25 g, goes.
    assert torch.allclose(no_conflict(-H, G), -H + 3 / 25 * G)
    assert torch.equal(no_conflict(H, G), H)


def test_no_conflict_per_sample_by_hand() -> None:
    # Row 1: -h is [-1, 0], along g -3/25 [3, 4]; row 2: g is zero, so nothing is taken.
    expected = torch.tensor([[-1 + 9 / 25, 12 / 25], [0.0, -2.0]], dtype=torch.float64)
    assert torch.allclose(no_conflict_per_sample(-H, G), expected)


@pytest.mark.parametrize("rule", ["zhang", "no_conflict", "no_conflict_per_sample"])
def test_identity_forwards_and_the_rule_backwards(rule: str) -> None:
    emb = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    out = projected(emb, G, rule)
    assert torch.equal(out, emb)
    (out * -H).sum().backward()
    rules = {"zhang": zhang, "no_conflict": no_conflict, "no_conflict_per_sample": no_conflict_per_sample}
    assert emb.grad is not None
    assert torch.allclose(emb.grad, rules[rule](-H, G))
