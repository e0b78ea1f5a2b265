from pathlib import Path

import torch
from safetensors import safe_open

from adfair.training.checkpoint import save_checkpoint


def test_modules_are_kept_under_their_names_and_the_step_beside_them(tmp_path: Path) -> None:
    towers, adversary = torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3)
    path = save_checkpoint(
        tmp_path, step=7, states={"contrastive": {"log_u": torch.ones(2)}}, towers=towers, adversary=adversary
    )
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"step": "7"}
        assert torch.equal(file.get_tensor("towers.weight"), towers.weight)
        assert torch.equal(file.get_tensor("adversary.running_var"), adversary.running_var)
        assert torch.equal(file.get_tensor("contrastive.log_u"), torch.ones(2))


def test_the_next_checkpoint_replaces_the_last_and_leaves_nothing_else(tmp_path: Path) -> None:
    net = torch.nn.Linear(1, 1)
    for step in (1, 2):
        path = save_checkpoint(tmp_path, step, {}, towers=net, adversary=None)
    assert list(path.parent.iterdir()) == [path]
    with safe_open(path, "pt") as file:
        assert file.metadata() == {"step": "2"}
        assert sorted(file.keys()) == ["towers.bias", "towers.weight"]
