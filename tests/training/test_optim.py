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


class _Towers(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.visual, self.text = torch.nn.Linear(3, 2), torch.nn.Linear(4, 2)


def _groups(net: torch.nn.Module, key: str, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    names = {id(p): name for name, p in net.named_parameters()}
    return {names[id(p)]: g[key] for g in optimizer.param_groups for p in g["params"]}


def test_only_matrices_decay() -> None:
    net = _Towers()
    net.visual.bias.requires_grad_(False)
    optimizer = make_optimizer(net, lr=1.0, weight_decay=0.5)
    decays = _groups(net, "weight_decay", optimizer)
    assert decays == {"visual.weight": 0.5, "text.weight": 0.5, "text.bias": 0.0}


def test_the_text_tower_learns_at_its_own_share_of_the_rate() -> None:
    net = _Towers()
    optimizer = make_optimizer(net, lr=1.0, weight_decay=0.0, text_lr_factor=0.25)
    assert scheduled_lr(optimizer, 0, steps=4, warmup=30, lr=0.2) == pytest.approx(0.1)
    rates = _groups(net, "lr", optimizer)
    assert rates["visual.weight"] == rates["visual.bias"] == pytest.approx(0.1)
    assert rates["text.weight"] == rates["text.bias"] == pytest.approx(0.025)
