from pathlib import Path

import open_clip
import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from adfair.config import build_config
from adfair.models.adversary import Adversary
from adfair.models.dual_encoder import build_model
from adfair.objectives.contrastive import InfoNCE
from adfair.training import train
from adfair.training.speed import checkpoint_activations, compiled

IMAGES, TOKENS = torch.zeros((2, 32, 32), dtype=torch.uint8), torch.ones((2, 24), dtype=torch.int64)


def test_a_compiler_that_fails_is_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(net: torch.nn.Module) -> torch.nn.Module:
        raise RuntimeError("no C++ compiler here")

    monkeypatch.setattr(torch, "compile", broken)
    model, said = build_model("tiny", seed=0, image_size=32), []
    net = compiled(model, Fabric(accelerator="cpu", devices=1), IMAGES, TOKENS, said.append)
    assert net is model.net
    assert said == ["train.compile: torch.compile failed (RuntimeError); training goes on without it"]


class _Through(torch.nn.Module):
    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.net(*inputs)


def test_a_trial_of_the_compiler_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", _Through)  # the real one takes half a minute
    model, said = build_model("tiny", seed=0, image_size=32), []
    model.net.train()
    before, state = {k: v.clone() for k, v in model.net.state_dict().items()}, torch.get_rng_state()
    net = compiled(model, Fabric(accelerator="cpu", devices=1), IMAGES, TOKENS, said.append)
    assert isinstance(net, _Through)
    assert said == []
    assert all(torch.equal(v, before[k]) for k, v in model.net.state_dict().items())
    assert all(p.grad is None for p in model.net.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_a_tower_that_cannot_checkpoint_is_named() -> None:
    said: list[str] = []
    checkpoint_activations(build_model("tiny", seed=0, image_size=32).net, said.append)
    assert said == ["train.checkpoint_activations: no effect on an image tower of type ModifiedResNet"]


def test_towers_that_can_checkpoint_do() -> None:
    config = {"embed_dim": 8, "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}}
    config["text_cfg"] = {"context_length": 8, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1}
    net, said = open_clip.CLIP(**config), []
    checkpoint_activations(net, said.append)
    assert said == []
    assert net.visual.transformer.grad_checkpointing
    assert net.transformer.grad_checkpointing


def _run(cohort: Path, out: Path, *keys: str, said: list[str] | None = None) -> dict[str, torch.Tensor]:
    fast = ["train.steps=3", "data.batch_size=16", "data.image_size=32", "train.select=last"]
    said = [] if said is None else said
    run = train(build_config({"data": {"cohort": str(cohort)}}, [*fast, *keys]), out=out, say=said.append)
    return load_file(run / "model" / "open_clip_model.safetensors")


def _same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(a[k], b[k]) for k in a)


FEATURES = {
    "bf16": ["train.precision=bf16-mixed"],
    "activations": ["train.checkpoint_activations=true"],
    "micro": ["data.micro_batch_size=7", "objective.chunk=5", "train.precision=bf16-mixed"],
}


@pytest.mark.parametrize("keys", FEATURES.values(), ids=FEATURES)
def test_weight_zero_is_plain_clip_bit_for_bit(small_cohort: Path, tmp_path: Path, keys: list[str]) -> None:
    plain = _run(small_cohort, tmp_path / "plain", *keys, "objective.fairness=none")
    zero = _run(small_cohort, tmp_path / "zero", *keys, "objective.adversary_weight=0")
    assert _same(plain, zero)


def test_checkpointed_activations_change_no_bit(small_cohort: Path, tmp_path: Path) -> None:
    said: list[str] = []
    plain = _run(small_cohort, tmp_path / "plain", said=said)
    again = _run(small_cohort, tmp_path / "again", "train.checkpoint_activations=true")
    assert _same(plain, again)
    assert [line.split(":")[0] for line in said] == ["throughput"]


def test_adversaries_and_losses_stay_in_single_precision(
    small_cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.dtype] = []
    for owner, name in ((Adversary, "forward"), (InfoNCE, "__call__")):
        monkeypatch.setattr(owner, name, _spy(getattr(owner, name), seen))
    _run(small_cohort, tmp_path / "run", "train.precision=bf16-mixed", "objective.delay=0")
    assert len(seen) > 6
    assert set(seen) == {torch.float32}


def _spy(method, seen: list[torch.dtype]):
    def call(self, *args):
        result = method(self, *args)
        values = result.values() if isinstance(result, dict) else [result.loss, result.per_pair]
        seen.extend(value.dtype for value in values)
        return result

    return call
