import pytest
import yaml

from adfair.config import Config, build_config, load_config, parse_yaml
from adfair.errors import ConfigError

CONTRACT = """
seed: 0
data: {cohort: runs/cohort, batch_size: 96, micro_batch_size: null, image_size: 64, scrub_demographics: false, sampling: natural}
model: {config: tiny, pretrained: null, freeze: []}
objective: {contrastive: infonce, negatives: all, fairness: adversarial, attributes: [race, sex],
  adversary_weight: 1.5, target: image, update: reversal, adversary_steps: 5, delay: 0.15, ramp: 0.30}
train: {steps: 1000, lr: 2.0e-3, adversary_lr: 5.0e-3, devices: 1, precision: 32-true, checkpoint_every: 200, select: auto}
"""


def test_the_documented_keys_are_the_defaults() -> None:
    assert build_config(yaml.safe_load(CONTRACT)) == Config()


def test_round_trip(tmp_path) -> None:
    config = build_config({}, ["train.steps=7", "objective.attributes=[sex]"])
    (tmp_path / "c.yaml").write_text(config.to_yaml())
    assert load_config(tmp_path / "c.yaml") == config
    assert (config.train.steps, config.objective.attributes) == (7, ["sex"])


def test_overrides_do_not_change_the_callers_dict() -> None:
    tree = {"train": {"steps": 5}}
    build_config(tree, ["train.steps=9"])
    assert tree == {"train": {"steps": 5}}


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("train.step=5", "train.step"),
        ("train.steps=0", "train.steps"),
        ("objective.target=sound", "objective.target"),
        ("objective.adversary_weight=-1", "objective.adversary_weight"),
        ("data.scrub_demographics=often", "data.scrub_demographics"),
        ("train.devices=0", "train.devices"),
        ("objective.chunk=-1", "objective.chunk"),
        ("seed.x=1", "seed"),
        ("nonsense", "KEY=VALUE"),
    ],
)
def test_a_wrong_key_or_value_is_named(override: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        build_config({"seed": 1}, [override])


def test_files_that_are_no_configuration(tmp_path) -> None:
    with pytest.raises(ConfigError, match="no such"):
        load_config(tmp_path / "absent.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1,\nb: 2")
    with pytest.raises(ConfigError, match="line 2"):
        load_config(tmp_path / "bad.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="found list"):
        load_config(tmp_path / "list.yaml")


@pytest.mark.parametrize("fairness", ["none", "adversarial"])
def test_a_weight_that_would_do_nothing_is_refused(fairness: str) -> None:
    with pytest.raises(ConfigError, match="fairness_weight does nothing"):
        build_config({}, [f"objective.fairness={fairness}", "objective.fairness_weight=2"])
    assert build_config({}, ["objective.fairness=mmd", "objective.fairness_weight=2"])


def test_an_unknown_key_gets_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"train\.stepz: unknown key; did you mean train\.steps\?$"):
        build_config({"train": {"stepz": 3}})
    with pytest.raises(ConfigError, match=r"elephant: unknown key$"):
        build_config({"elephant": 1})


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["model.freeze=[image_tower]"], "fairness: adversarial works on the image_tower"),
        (["model.freeze=[text_tower]", "objective.target=both"], "works on the text_tower"),
        (["model.freeze=[image_tower]", "objective.fairness=mmd"], "fairness: mmd works on the image_tower"),
        (["model.freeze=[image_tower, text_tower]", "objective.fairness=none"], "nothing to train"),
        (["objective.projection=zhang", "train.precision=16-mixed"], "projection: zhang"),
    ],
)
def test_keys_of_different_sections_that_do_not_go_together(overrides: list[str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        build_config({}, overrides)


def test_a_tower_that_nothing_works_on_may_be_frozen() -> None:
    for key in (
        "objective.fairness=none",
        "objective.adversary_weight=0",
        "objective.fairness=fairclip_exact",
    ):
        assert build_config({}, ["model.freeze=[image_tower]", key]).model.freeze == ["image_tower"]


def test_a_key_that_stands_twice_is_refused_and_a_merged_one_is_not(tmp_path) -> None:
    (tmp_path / "twice.yaml").write_text(
        "objective: {fairness: none}\ntrain: {steps: 5}\nobjective: {delay: 0}\n"
    )
    with pytest.raises(ConfigError, match=r"twice.yaml, line 3: 'objective' comes twice"):
        load_config(tmp_path / "twice.yaml")
    (tmp_path / "braces.yaml").write_text("data: {cohort: {{name}}}\n")
    with pytest.raises(ConfigError, match="line 1: not valid YAML"):
        load_config(tmp_path / "braces.yaml")
    assert parse_yaml("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}")["b"] == {"k": 3, "l": 2}
