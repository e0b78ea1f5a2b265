import pytest
import torch

from adfair.training.optim import cosine_with_warmup, make_optimizer, scheduled_lr


def test_schedule_rises_then_follows_half_a_cosine() -> None:
    values = [cosine_with_warmup(s, steps=110, warmup=10) for s in range(111)]
    assert values[0] == pytest.approx(0.1)
    assert values[9] == pytest.approx(1.0)
    assert values[60] == pytest.approx(0.5)
    assert values[110] == pytest.approx(0.0)
    assert max(values) == pytest.approx(1.0)


def test_only_matrices_decay() -> None:
    net = torch.nn.Linear(3, 2)
    optimizer = make_optimizer(net.parameters(), lr=1.0, weight_decay=0.5)
    decays = {p.shape: g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert decays == {net.weight.shape: 0.5, net.bias.shape: 0.0}
    assert scheduled_lr(optimizer, 0, steps=4, warmup=30, lr=0.2) == pytest.approx(0.1)
    assert {g["lr"] for g in optimizer.param_groups} == {0.1}
