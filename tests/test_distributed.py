"""Two and three gloo processes against one, at the same global batch."""

import json
import os
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tests.gloo import run_together

from adfair.config import Config, build_config
from adfair.data.loader import TrainData
from adfair.models import adversary
from adfair.models.adversary import HIDDEN
from adfair.models.batch_norm import globalise_batch_norm
from adfair.models.dual_encoder import DualEncoder, build_model
from adfair.objectives import siglip
from adfair.training.keeper import Keeper
from adfair.training.launch import sharded
from adfair.training.loop import fit
from adfair.training.selection import Selector
from adfair.training.sharding import whole, whole_state

SCALE = ["data.batch_size=25", "objective.delay=0", "objective.ramp=0", "train.warmup=3", "train.log_every=1"]
AIMS = {
    "infonce": ["objective.fairness=none"],
    "siglip": ["objective.contrastive=siglip", "objective.fairness=none"],
    "fastclip": ["objective.contrastive=fastclip", "objective.fairness=none"],
    "fastclip_individual": [
        "objective.contrastive=fastclip",
        "objective.fastclip.temperature=individual",
        "objective.fairness=none",
    ],
    **{
        f"{name}_tiles": [f"objective.contrastive={name}", "objective.chunk=7", "objective.fairness=none"]
        for name in ("infonce", "siglip", "fastclip")
    },
    **{
        f"{negatives}_{name}{'_tiles' if chunk else ''}": [
            f"objective.negatives={negatives}",
            f"objective.contrastive={name}",
            f"objective.chunk={chunk}",
            "objective.fairness=none",
        ]
        for negatives in ("same_cell", "group_adjusted")
        for name in ("infonce", "siglip")
        for chunk in (0, 7)
    },
    "cached": ["objective.negatives=same_cell", "objective.chunk=7", "data.micro_batch_size=4"],
    "sharded": ["train.strategy=fsdp", "objective.target=both"],
    "sharded_cached": [
        "train.strategy=fsdp",
        "objective.negatives=group_adjusted",
        "data.micro_batch_size=4",
    ],
    "sharded_siglip": [
        "train.strategy=fsdp",
        "objective.contrastive=siglip",
        "objective.fairness=fairclip_exact",
    ],
    "adversarial": ["objective.target=both"],
    "alternating": ["objective.update=alternating", "data.sampling=reweight_group"],
    "joint": ["objective.heads=joint", "objective.projection=no_conflict"],
    "told": ["objective.condition=findings", "objective.projection=no_conflict_per_sample"],
    "equalized_odds": ["objective.condition=equalized_odds", "objective.projection=zhang"],
    **{
        name: [f"objective.fairness={name}"]
        for name in ("fairclip_as_coded", "fairclip_exact", "fairclip_plus", "mmd", "coral", "group_dro")
    },
}


# The published blur divides by 1e-8: where processors sum otherwise, last bits come back that much larger.
ROUNDING = {"fairclip_as_coded": 1e-8}
BATCH_NORM = ["model.config=tiny", "objective.fairness=none"]
VIT = {
    "embed_dim": 16,
    "vision_cfg": {"layers": 1, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32},
    "text_cfg": {"context_length": 24, "vocab_size": 400, "width": 32, "heads": 2, "layers": 1},
}


class Double(DualEncoder):
    """Towers fed in float64."""

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        return super().prepare(images).double()


@cache
def drawn() -> TrainData:
    """Forty rows of noise with two attributes and three findings, two groups to each."""
    maker = np.random.default_rng(0)
    race, sex = (torch.from_numpy(maker.integers(0, 2, 40)) for _ in range(2))
    race[:2] = -1
    return TrainData(
        images=torch.from_numpy(maker.integers(0, 256, (40, 32, 32), dtype=np.uint8)),
        tokens=torch.from_numpy(maker.integers(1, 400, (40, 24))),
        codes={"race": race, "sex": sex},
        group_counts={"race": 2, "sex": 2},
        findings=torch.from_numpy(maker.integers(0, 2, (40, 3))).float(),
        prompt_tokens=[(torch.full((1, 24), 3 + f), torch.full((1, 24), 9 + f)) for f in range(3)],
        weights=torch.from_numpy(maker.uniform(0.5, 1.5, 40)).float(),
        cells=torch.where(race < 0, -1, 2 * race + sex),
        log_ratios=torch.from_numpy(maker.normal(size=(40, 4))).float(),
        patients=np.arange(40),
        index="drawn",
    )


def trained(
    towers: Path, keys: list[str], *, steps: int, double: bool
) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Gradients of the last of some training steps, the weights after it, and every step's loss."""
    torch.set_default_dtype(torch.float64 if double else torch.float32)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    try:
        config = build_config({}, [*SCALE, f"model.config={towers}", f"train.steps={steps}", *keys])
        shards = world > 1 and config.train.strategy == "fsdp"
        fabric = Fabric(
            accelerator="cpu",
            devices=world,
            strategy=sharded(world) if shards else "ddp" if world > 1 else "auto",
            precision="64-true" if double and not shards else "32-true",  # its strategy takes the towers' own
        )
        fabric.launch()
        return _trained(config, fabric, double=double)
    finally:
        torch.set_default_dtype(torch.float32)


def _trained(config: Config, fabric: Fabric, *, double: bool) -> tuple[dict[str, torch.Tensor], list[float]]:
    start = siglip.START if config.objective.contrastive == "siglip" else None
    model = build_model(config.model.config, seed=0, image_size=32, start=start)
    globalise_batch_norm(model.net)
    if double:
        model = Double(**{f: getattr(model, f) for f in model.__dataclass_fields__})
    run = Path("never-made")
    log = list(fit(model, drawn(), config, fabric, Selector("last", None, [], run), NoKeeper(run)))
    gradients = {k: p.grad for k, p in model.net.named_parameters() if p.grad is not None}
    found = {f"grad {k}": whole(gradient).clone() for k, gradient in gradients.items()}
    losses = [entry["contrastive"] for entry in log if "contrastive" in entry]
    return found | {k: v.clone() for k, v in whole_state(model.net).items()}, losses


class NoKeeper(Keeper):
    """Saves nothing."""

    def save(self, done: int, parts: object) -> None:
        pass


def everything(towers: Path) -> dict[str, object]:
    """What each process does."""
    one = {name: trained(towers, keys, steps=1, double=True) for name, keys in AIMS.items()}
    return {
        **one,
        "batch_norm": trained(towers, BATCH_NORM, steps=1, double=True),
        "game": trained(towers, [], steps=20, double=True),
    }


def smooth_head(dim: int, k: int) -> torch.nn.Sequential:
    """An adversary's head without kinks."""
    sizes, parts = (dim, HIDDEN, HIDDEN), list[torch.nn.Module]()
    for fan_in, fan_out in pairwise(sizes):
        parts += [torch.nn.Linear(fan_in, fan_out), torch.nn.GELU()]
    return torch.nn.Sequential(*parts, torch.nn.Linear(HIDDEN, k))


def twenty_steps(towers: Path) -> dict[str, tuple[dict[str, torch.Tensor], list[float]]]:
    """Every objective in single precision, adversaries without kinks and with an Adam that leaves tiny gradients tiny."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adversary, "_head", smooth_head)
        patch.setattr(torch.optim, "Adam", partial(torch.optim.Adam, eps=1e-4))
        return {name: trained(towers, keys, steps=20, double=False) for name, keys in AIMS.items()}


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("towers") / "vit.json"
    path.write_text(json.dumps(VIT))
    return path


@pytest.fixture(scope="module")
def two(towers: Path) -> list[dict]:
    return run_together(everything, towers, world=2, folder=towers.parent)


@pytest.mark.parametrize("name", [*AIMS, "batch_norm"])
def test_gradients_are_those_of_one_process(two: list[dict], towers: Path, name: str) -> None:
    rounding = ROUNDING.get(name, 1e-12)
    alone, _ = trained(towers, AIMS.get(name, BATCH_NORM), steps=1, double=True)
    for each in two:
        found, _ = each[name]
        for key in (key for key in found if key.startswith("grad ")):
            expected = alone.get(key, torch.zeros_like(found[key]))  # DDP gives zeros where nothing flows
            torch.testing.assert_close(found[key], expected, rtol=rounding, atol=rounding)
        assert alone.keys() <= found.keys()


def test_twenty_steps_of_the_game_are_those_of_one_process(two: list[dict], towers: Path) -> None:
    _, losses = trained(towers, [], steps=20, double=True)
    in_step([each["game"] for each in two], losses)


def test_twenty_steps_in_single_precision_are_those_of_one_process(towers: Path) -> None:
    """The adversaries are made smooth here. AdFair's have kinks, and an Adam that gives gradients smaller than rounding
    full steps: there a difference in the last bit becomes a large one, which no order of summation prevents.
    ``benchmarks/bench_processes.py`` says how large."""
    both = run_together(twenty_steps, towers, world=2, folder=towers.parent)
    for name, (_, losses) in twenty_steps(towers).items():
        in_step([each[name] for each in both], losses)


def in_step(both: list[tuple[dict[str, torch.Tensor], list[float]]], losses: list[float]) -> None:
    """Both processes hold the same bits, and their losses are those of one process within 1e-5."""
    (first, ours), (second, theirs) = both
    assert ours == theirs
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert ours == pytest.approx(losses, abs=1e-5)
