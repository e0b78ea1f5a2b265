"""Two and three gloo processes against one, at the same global batch."""

from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from adfair.config import Config, build_config
from adfair.data.loader import TrainData
from adfair.data.manifest import load_cohort
from adfair.distributed import exchange, gather, share, together, world_size
from adfair.errors import DataError, TrainingError
from adfair.models.batch_norm import globalise_batch_norm
from adfair.models.dual_encoder import DualEncoder
from adfair.training.inputs import train_data
from adfair.training.keeper import Keeper
from adfair.training.loop import fit
from adfair.training.run import _build
from adfair.training.selection import Selector
from tests.gloo import run_together

SCALE = ["data.batch_size=30", "objective.delay=0", "objective.ramp=0", "train.warmup=3", "train.log_every=1"]
AIMS = {
    "infonce": ["objective.fairness=none"],
    "siglip": ["objective.contrastive=siglip", "objective.fairness=none"],
    "fastclip": ["objective.contrastive=fastclip", "objective.fairness=none"],
    "fastclip_individual": [
        "objective.contrastive=fastclip",
        "objective.fastclip.temperature=individual",
        "objective.fairness=none",
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


class Double(DualEncoder):
    """Towers fed in float64."""

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        return super().prepare(images).double()


def trained(
    cohort: Path, keys: list[str], *, steps: int, double: bool
) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Gradients of the last of some training steps, the weights after it, and every step's loss."""
    torch.set_default_dtype(torch.float64 if double else torch.float32)
    try:
        return _trained(cohort, keys, steps=steps, double=double)
    finally:
        torch.set_default_dtype(torch.float32)


def _trained(
    cohort: Path, keys: list[str], *, steps: int, double: bool
) -> tuple[dict[str, torch.Tensor], list[float]]:
    config = build_config({"data": {"cohort": str(cohort)}}, [*SCALE, f"train.steps={steps}", *keys])
    model, data = prepared(config)
    strategy = {"strategy": "ddp", "devices": world_size_asked()} if world_size_asked() > 1 else {"devices": 1}
    fabric = Fabric(accelerator="cpu", precision="64-true" if double else "32-true", **strategy)  # type: ignore[arg-type]
    fabric.launch()
    globalise_batch_norm(model.net)
    if double:
        model = Double(**{f: getattr(model, f) for f in model.__dataclass_fields__})
    run = cohort.parent / f"unused-{world_size()}"
    log = list(fit(model, data, config, fabric, Selector("last", None, [], run), _NoKeeper(run)))
    losses = [entry["contrastive"] for entry in log if "contrastive" in entry]
    found = {f"grad {k}": p.grad.clone() for k, p in model.net.named_parameters() if p.grad is not None}
    return {**found, **{k: v.clone() for k, v in model.net.state_dict().items()}}, losses


class _NoKeeper(Keeper):
    def save(self, done: int, parts: object) -> None:
        pass


def world_size_asked() -> int:
    import os

    return int(os.environ.get("WORLD_SIZE", "1"))


def prepared(config: Config) -> tuple[DualEncoder, TrainData]:
    model = _build(config)
    data = train_data(load_cohort(config.data.cohort), config, image_size=64, tokenize=model.tokenize)
    return model, data


def everything(cohort: Path) -> dict[str, object]:
    """What each process does: all aims for one step in float64, and twenty steps of AdFair in float32."""
    found: dict[str, object] = {name: trained(cohort, keys, steps=1, double=True)[0] for name, keys in AIMS.items()}
    return found | {"twenty": trained(cohort, ["data.augment=light"], steps=20, double=False)}


@pytest.fixture(scope="module")
def two(small_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    return run_together(everything, small_cohort, world=2, folder=tmp_path_factory.mktemp("two"))


@pytest.mark.parametrize("name", AIMS)
def test_gradients_are_those_of_one_process(two: list[dict], small_cohort: Path, name: str) -> None:
    alone, _ = trained(small_cohort, AIMS[name], steps=1, double=True)
    for each in two:
        found = each[name]
        assert found.keys() >= alone.keys()
        for key in alone:
            if key.startswith("grad "):
                torch.testing.assert_close(found[key], alone[key], rtol=1e-12, atol=1e-12)


def test_twenty_steps_are_those_of_one_process(two: list[dict], small_cohort: Path) -> None:
    alone, losses = trained(small_cohort, ["data.augment=light"], steps=20, double=False)
    first, second = (each["twenty"] for each in two)
    assert first[1] == second[1]
    assert all(torch.equal(first[0][key], second[0][key]) for key in first[0]), "processes are in step"
    assert first[1] == pytest.approx(losses, abs=1e-5)


def uneven(rows: int) -> dict[str, torch.Tensor]:
    torch.distributed.init_process_group("gloo")
    everyone = torch.arange(rows * 2.0, dtype=torch.float64).reshape(rows, 2).sin()
    mine = everyone[share(rows)].clone().requires_grad_()
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    image, text, s = gather([mine, 2 * mine, scale], rows)
    (s * (image @ text.T).square().sum()).backward()
    assert torch.equal(image, everyone)
    return {"grad": mine.grad / world_size(), "scale": scale.grad, "sizes": torch.tensor(exchange(len(mine)))}  # type: ignore[operator,dict-item]


def test_uneven_shares_gather_in_order_with_the_right_gradient(tmp_path: Path) -> None:
    found = run_together(uneven, 11, world=3, folder=tmp_path)
    everyone = torch.arange(22.0, dtype=torch.float64).reshape(11, 2).sin().requires_grad_()
    (3.0 * (everyone @ (2 * everyone).T).square().sum()).backward()
    assert found[0]["sizes"].tolist() == [4, 4, 3]
    torch.testing.assert_close(torch.cat([f["grad"] for f in found]), everyone.grad, rtol=1e-12, atol=0)


def one_fails(kind: str) -> str:
    torch.distributed.init_process_group("gloo")
    try:
        with together():
            if torch.distributed.get_rank() == 1:
                raise DataError("row 3 is bad") if kind == "ours" else RuntimeError("secret report text")
    except (TrainingError, DataError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


@pytest.mark.parametrize("kind", ["ours", "other"])
def test_an_error_in_one_process_ends_all_with_its_reason(tmp_path: Path, kind: str) -> None:
    first, second = run_together(one_fails, kind, world=2, folder=tmp_path)
    if kind == "ours":
        assert (first, second) == ("TrainingError: process 1 stopped: row 3 is bad", "DataError: row 3 is bad")
    else:
        assert first == "TrainingError: process 1 stopped: internal error (RuntimeError)"


def test_alone_nothing_happens() -> None:
    x = [torch.ones(2, 2), torch.ones(2, 2), torch.tensor(1.0)]
    assert gather(x, 2) is x
    assert share(7) == slice(0, 7)
    with pytest.raises(DataError), together():
        raise DataError("x")
