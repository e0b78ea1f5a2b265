"""Gradient caching against the whole batch: every objective and remedy, dropout, batch norm, weight 0."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from adfair.config import build_config
from adfair.data.loader import TrainData
from adfair.models.dual_encoder import DualEncoder, build_model
from adfair.objectives import CONTRASTIVE, FAIRNESS, Setting, build_objective, siglip
from adfair.training import train
from adfair.training.batch import as_batch
from adfair.training.towers import Towers, batch_statistics

N, SIZE, LENGTH = 22, 32, 8
SMALL = {
    "embed_dim": 8,
    "init_logit_scale": 2.3,
    "vision_cfg": {"image_size": SIZE, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16},
    "text_cfg": {"context_length": LENGTH, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
NOW = {"delay": 0, "ramp": 0}
CASES: dict[str, dict[str, Any]] = {
    **{name: {"contrastive": name, "fairness": "none"} for name in CONTRASTIVE},
    **{name: {"fairness": name, **(NOW if name == "adversarial" else {})} for name in FAIRNESS},
    "individual": {"contrastive": "fastclip", "fastclip": {"temperature": "individual"}, **NOW},
    "alternating": {"update": "alternating", "target": "both", "heads": "joint", **NOW},
    "equalized_odds": {"condition": "equalized_odds", **NOW},
    "zhang": {"projection": "zhang", "condition": "findings", **NOW},
    "no_conflict": {"projection": "no_conflict_per_sample", "target": "text", **NOW},
    "tiles": {"chunk": 5, **NOW},
    "siglip_tiles": {"contrastive": "siglip", "chunk": 5, **NOW},
    "fastclip_tiles": {"contrastive": "fastclip", "chunk": 5, **NOW},
    "same_cell": {"negatives": "same_cell", **NOW},
    "same_cell_tiles": {"negatives": "same_cell", "chunk": 5, **NOW},
    "same_cell_siglip": {"negatives": "same_cell", "contrastive": "siglip", "fairness": "none"},
    "same_cell_siglip_tiles": {"negatives": "same_cell", "contrastive": "siglip", "chunk": 5, **NOW},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of small transformers, as a file: they have no batch norm."""
    path = tmp_path_factory.mktemp("model") / "small.json"
    path.write_text(json.dumps(SMALL))
    return path


def data(weights: bool = False) -> TrainData:
    maker = torch.Generator().manual_seed(1)
    tokens = torch.randint(1, 49000, (N, LENGTH), generator=maker)
    row = torch.arange(N)
    return TrainData(
        images=torch.randint(0, 256, (N, SIZE, SIZE), generator=maker, dtype=torch.uint8),
        tokens=tokens,
        codes={"race": row % 3, "sex": row // 2 % 2},
        group_counts={"race": 3, "sex": 2},
        findings=(torch.rand((N, 2), generator=maker) > 0.5).float(),
        prompt_tokens=[(tokens[:2], tokens[2:4]), (tokens[4:6], tokens[6:8])],
        weights=torch.rand(N, generator=maker) + 0.5 if weights else None,
        patients=np.arange(N),
    )


class _Double(DualEncoder):
    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        return super().prepare(images).double()


@pytest.fixture
def double() -> Iterator[None]:
    """Double precision throughout; the engine returns what the default is."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Once:
    """One step up to the gradients, in double precision."""

    def __init__(
        self, config_file: Path, aim: dict[str, Any], micro: int | None, *, dropout: float = 0
    ) -> None:
        tree = {"data": {"micro_batch_size": micro, "batch_size": N}, "objective": aim}
        config = build_config({"model": {"config": str(config_file)}, **tree})
        start = siglip.START if config.objective.contrastive == "siglip" else None
        model = build_model(str(config_file), seed=0, image_size=SIZE, start=start)
        self.model = _Double(**vars(model))
        if dropout:
            _drop(self.model, dropout)
        fabric, rows = Fabric(accelerator="cpu", devices=1, precision="64-true"), data(weights=True)
        net = fabric.setup(self.model.net)
        self.model.net.train()
        contrastive, fairness = build_objective(Setting(config, fabric, self.model, rows))
        torch.manual_seed(3)
        self.towers = Towers(fabric, self.model, net, micro=micro)
        batch = as_batch(self.towers.embed(rows.images, rows.tokens), rows, torch.arange(N), step=0)
        pairing = contrastive(batch)
        fairness.fit(batch)
        self.loss = pairing.loss + fairness.penalty(batch, pairing, fairness.weight(0))
        self.towers.backward(self.loss)
        self.drawn = torch.rand(())
        self.adversary = fairness.adversary

    def gradients(self) -> dict[str, torch.Tensor]:
        modules = {"net": self.model.net, "adversary": self.adversary}
        return {
            f"{which}.{name}": p.grad
            for which, module in modules.items()
            if module is not None
            for name, p in module.named_parameters()
            if p.grad is not None
        }


def _drop(model: DualEncoder, share: float) -> None:
    for block in [*model.net.visual.transformer.resblocks, *model.net.transformer.resblocks]:
        block.mlp.add_module("dropout", torch.nn.Dropout(share))


def largest(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    assert a.keys() == b.keys()
    return max((a[k] - b[k]).abs().max().item() for k in a)


@pytest.mark.parametrize("aim", CASES.values(), ids=CASES)
@pytest.mark.usefixtures("double")
def test_gradients_are_those_of_the_whole_batch(small: Path, aim: dict[str, Any]) -> None:
    whole, cached = Once(small, aim, None), Once(small, aim, 5)
    assert cached.loss.item() == pytest.approx(whole.loss.item(), abs=1e-12)
    assert whole.gradients()["net.visual.conv1.weight"].abs().max() > 1e-3
    assert largest(cached.gradients(), whole.gradients()) < 1e-12


@pytest.mark.usefixtures("double")
def test_dropout_is_the_same_in_both_passes_and_draws_go_on(small: Path) -> None:
    once = Once(small, {"fairness": "none"}, 5, dropout=0.5)
    torch.manual_seed(3)
    net, rows = once.model.net, data(weights=True)
    parts = zip(rows.images.tensor_split(5), rows.tokens.tensor_split(5), strict=True)
    outputs = [net(once.model.prepare(images).double(), tokens) for images, tokens in parts]
    image, text = (torch.cat([output[i] for output in outputs]) for i in (0, 1))
    batch = as_batch([image, text, outputs[0][2]], rows, torch.arange(N), step=0)
    cached = once.gradients()
    net.zero_grad()
    CONTRASTIVE["infonce"](_Whole())(batch).loss.backward()
    assert (
        largest(cached, {f"net.{n}": p.grad for n, p in net.named_parameters() if p.grad is not None}) < 1e-12
    )
    assert once.drawn == torch.rand(())


class _Whole:
    config = build_config({})


def test_batch_norm_counts_every_micro_batch_once() -> None:
    model, rows = build_model("tiny", seed=0, image_size=SIZE), data()
    assert batch_statistics(model.net)
    fabric = Fabric(accelerator="cpu", devices=1)
    towers = Towers(fabric, model, fabric.setup(model.net.train()), micro=8)
    tokens = torch.ones((N, 24), dtype=torch.int64)
    outputs = towers.embed(rows.images, tokens)
    seen = {k: v.clone() for k, v in model.net.named_buffers()}
    towers.backward((outputs[0] * outputs[1]).sum())
    assert seen["visual.bn1.num_batches_tracked"] == 3
    assert all(torch.equal(v, seen[k]) for k, v in model.net.named_buffers())


def test_a_batch_that_fits_is_left_alone(small: Path) -> None:
    whole, roomy = Once(small, NOW, None).gradients(), Once(small, NOW, N).gradients()
    assert all(torch.equal(whole[k], roomy[k]) for k in whole)


def _run(cohort: Path, small: Path, out: Path, *keys: str) -> dict[str, torch.Tensor]:
    fast = [
        "train.steps=20",
        "data.batch_size=24",
        "data.image_size=32",
        "train.lr=1e-4",
        "train.select=last",
    ]
    tree = {"data": {"cohort": str(cohort)}, "model": {"config": str(small)}}
    run = train(build_config(tree, [*fast, "objective.delay=0", *keys]), out=out)
    return load_file(run / "model" / "open_clip_model.safetensors")


@pytest.mark.parametrize(
    "keys", [["fairness=adversarial"], ["fairness=group_dro"], ["contrastive=siglip", "fairness=none"]]
)
def test_twenty_steps_stay_together(small_cohort: Path, small: Path, tmp_path: Path, keys: list[str]) -> None:
    keys = [f"objective.{key}" for key in keys]
    whole = _run(small_cohort, small, tmp_path / "whole", *keys)
    cached = _run(small_cohort, small, tmp_path / "cached", "data.micro_batch_size=7", *keys)
    for weights in (
        whole,
        cached,
    ):  # a key's bias moves no attention: its gradient is rounding, which Adam blows up
        for name in [name for name in weights if name.endswith("in_proj_bias")]:
            weights[name] = weights[name][torch.arange(48) // 16 != 1]
    assert 0 < largest(whole, cached) < 1e-5


def test_weight_zero_is_plain_clip_with_caching_and_tiles(small_cohort: Path, tmp_path: Path) -> None:
    keys = ["data.micro_batch_size=7", "objective.chunk=16"]
    plain = _run(small_cohort, Path("tiny"), tmp_path / "plain", *keys, "objective.fairness=none")
    zero = _run(small_cohort, Path("tiny"), tmp_path / "zero", *keys, "objective.adversary_weight=0")
    assert all(torch.equal(plain[k], zero[k]) for k in plain)
