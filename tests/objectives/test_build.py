"""Every option trains, and does what it says to the adversary that is built."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from adfair.config import build_config
from adfair.data.manifest import load_cohort
from adfair.errors import ConfigError
from adfair.models.dual_encoder import build_model
from adfair.objectives import Setting, build_objective
from adfair.objectives.build import _joint
from adfair.training import train
from adfair.training.batch import as_batch
from adfair.training.inputs import train_data

RUNS = {
    "siglip": ["objective.contrastive=siglip", "objective.heads=joint", "objective.projection=no_conflict"],
    "fastclip": [
        "objective.contrastive=fastclip",
        "objective.condition=findings",
        "objective.attributes=[race, age]",
        "objective.target=both",
    ],
    "individual": [
        "objective.contrastive=fastclip",
        "objective.fastclip.temperature=individual",
        "objective.condition=equalized_odds",
        "objective.projection=zhang",
    ],
    "reweighted": ["objective.fairness=none", "data.sampling=reweight_finding_group"],
    "resampled": ["objective.projection=no_conflict_per_sample", "data.sampling=group_balanced"],
}
TERMS = ["fairclip_as_coded", "fairclip_exact", "fairclip_plus", "mmd", "coral", "group_dro"]
HEADS = {
    "siglip": {"image:race*sex"},
    "fastclip": {"image:race", "image:age", "text:race", "text:age"},
    "individual": {"scores:race", "scores:sex"},
    "reweighted": set(),
    "resampled": {"image:race", "image:sex"},
}


@pytest.mark.parametrize("name", RUNS)
def test_options_train(small_cohort: Path, tmp_path: Path, name: str) -> None:
    quick = [
        "train.steps=3",
        "data.batch_size=24",
        "train.log_every=1",
        "objective.delay=0",
        "objective.ramp=0",
    ]
    config = build_config({"data": {"cohort": str(small_cohort)}}, [*quick, "train.select=last", *RUNS[name]])
    run = train(config, out=tmp_path / "run")
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert set(log[-1].get("adversary_loss", {})) == HEADS[name]
    assert all(isinstance(entry["contrastive"], float) for entry in log)
    if HEADS[name]:
        assert {"gradient_ratio", "gradient_cosine"} <= set(log[-1])


@pytest.mark.parametrize("name", TERMS)
def test_terms_without_an_adversary_train_and_take_their_weight_from_the_configuration(
    small_cohort: Path, name: str
) -> None:
    cohort, model = load_cohort(small_cohort), build_model("tiny", seed=0, image_size=64)
    fabric = Fabric(accelerator="cpu", devices=1)
    for keys, expected in (([], None), (["objective.fairness_weight=0.25"], 0.25)):
        config = build_config({}, [f"objective.fairness={name}", *keys])
        data = train_data(cohort, config, image_size=64, tokenize=model.tokenize)
        setting = Setting(config, fabric, model, data)
        contrastive, term = build_objective(setting)
        assert term.weight(0) > 0 if expected is None else term.weight(0) == expected
        rows = torch.arange(60)
        outputs = model.net(model.prepare(data.images[rows]), data.tokens[rows])
        batch = as_batch(outputs, data, rows, step=0)
        pairing = contrastive(batch)
        (pull,) = torch.autograd.grad(
            term.penalty(batch, pairing, term.weight(0)), batch.image_emb, allow_unused=True
        )
        assert pull is not None
        assert torch.isfinite(pull).all()
        assert pull.abs().sum() > 0


def test_what_the_heads_see(small_cohort: Path) -> None:
    cohort = load_cohort(small_cohort)
    model = build_model("tiny", seed=0, image_size=64)

    def first_layer(*keys: str) -> int:
        config = build_config({}, keys)
        data = train_data(cohort, config, image_size=64, tokenize=model.tokenize)
        _, term = build_objective(Setting(config, Fabric(accelerator="cpu", devices=1), model, data))
        return _width(term.adversary)

    assert first_layer() == 24
    assert first_layer("objective.condition=findings") == 24 + 5
    assert first_layer("objective.condition=equalized_odds") == 5 + 5


def _width(adversary) -> int:
    (weights,) = [v for k, v in adversary.state_dict().items() if k.endswith("race.0.weight")]
    return weights.shape[1]


def test_equalized_odds_reads_the_image_alone() -> None:
    with pytest.raises(ConfigError, match="target: image"):
        build_config({}, ["objective.condition=equalized_odds", "objective.target=both"])


@pytest.mark.parametrize("attributes", ["[age, race, sex]", "[race, age, sex]", "[sex, race, age]", "[age]"])
def test_a_joint_head_is_of_groups_whatever_stands_beside_them(
    small_cohort: Path, tmp_path: Path, attributes: str
) -> None:
    keys = ["train.steps=2", "train.log_every=1", "train.select=last", "objective.heads=joint"]
    config = build_config(
        {"data": {"cohort": str(small_cohort)}}, [*keys, f"objective.attributes={attributes}"]
    )
    run = train(config, out=tmp_path / "run")
    last = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()][-1]
    joint = {"[sex, race, age]": {"image:sex*race"}, "[age]": set()}.get(attributes, {"image:race*sex"})
    assert set(last["adversary_loss"]) == {"image:age", *joint}
    assert set(last["adversary_accuracy"]) == joint
    assert all(0 < last["adversary_loss"][name] < 2 for name in joint)


def test_a_joint_head_tells_the_intersections_that_training_holds() -> None:
    everyone = {"race": torch.tensor([0, 2, 2, 1, -1]), "sex": torch.tensor([0, 1, 1, 0, 1])}
    codes, groups = _joint({"race": 3, "sex": 2}, everyone)
    assert groups == {"race*sex": 3}
    batch = SimpleNamespace(codes={name: values.flip(0) for name, values in everyone.items()})
    assert codes(batch)["race*sex"].tolist() == [-1, 1, 2, 2, 0]  # type: ignore[arg-type]


@pytest.mark.parametrize("micro", [[], ["data.micro_batch_size=10"]])
@pytest.mark.parametrize("tower", ["image_tower", "text_tower"])
def test_one_tower_may_stand_still(small_cohort: Path, tmp_path: Path, tower: str, micro: list[str]) -> None:
    keys = ["train.steps=2", "train.log_every=1", f"model.freeze=[{tower}]", "data.batch_size=24"]
    config = build_config(
        {"data": {"cohort": str(small_cohort)}, "objective": {"fairness": "fairclip_exact"}}, [*keys, *micro]
    )
    run = train(config, out=tmp_path / "run")
    found = load_file(run / "model" / "open_clip_model.safetensors")
    before = build_model("tiny", seed=0, image_size=64).net.state_dict()
    still = {key for key, value in before.items() if torch.equal(value, found[key])}
    weights = {key for key, _ in build_model("tiny", seed=0, image_size=64).net.named_parameters()}
    image = {key for key in weights if key.startswith("visual.")}
    assert (still & image == image) == (tower == "image_tower")
    assert bool(still & weights - image) == (tower == "text_tower")


def test_a_joint_head_without_rows_that_know_everything_is_refused() -> None:
    everyone = {"race": torch.tensor([0, 1, -1, -1]), "sex": torch.tensor([-1, -1, 0, 1])}
    with pytest.raises(ConfigError, match="rows of known race and sex"):
        _joint({"race": 2, "sex": 2}, everyone)
