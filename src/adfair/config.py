"""A training configuration: every key of a run, with the demo's values as defaults (except its 900 steps).

``load_config`` reads YAML, applies ``KEY=VALUE`` overrides and reports a wrong key by its full name.
"""

from collections.abc import Sequence
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from adfair.errors import ConfigError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class DataConfig(_Section):
    """Which cohort, and how batches are drawn from its ``train`` split.

    ``scrub_demographics`` takes words for sex, race and age out of the training reports. ``exclude_patients`` are
    lists (``patient_id``) or balanced cohorts whose patients are left out of training, besides those that the cohort
    itself names.
    """

    cohort: Path = Path("runs/cohort")
    batch_size: int = Field(96, ge=2)
    micro_batch_size: int | None = Field(
        None, ge=1
    )  # rows through the towers at a time (docs/performance.md)
    image_size: int = Field(64, ge=16)
    fit: Literal["crop", "pad"] = "crop"  # of an image that is not square: its middle, or all of it on black
    scrub_demographics: bool = False
    sentences: Literal["all", "sample"] = "all"  # sample: a step sees one sentence of each report
    exclude_patients: list[Path] = []
    sampling: Literal[
        "natural",
        "group_balanced",
        "finding_group_balanced",
        "reweight_group",
        "reweight_finding_group",
    ] = "natural"
    augment: Literal["none", "light", "light_flip"] = "none"  # flip: only where reports name no side


class ModelConfig(_Section):
    """Which towers: a name of ours, a JSON file, or an open_clip name."""

    config: str = "tiny"
    pretrained: Path | None = None
    freeze: list[Literal["image_tower", "text_tower"]] = []


class FastCLIPConfig(_Section):
    """Of ``contrastive: fastclip``, see ``objectives/fastclip.py``."""

    temperature: Literal["constant", "individual", "global"] = "global"
    gamma_min: float = Field(0.2, gt=0, le=1)
    gamma_share: float = Field(0.5, gt=0, le=1)  # of training, after which gamma is at its lowest
    rho: float = Field(6.5, ge=0)


class ObjectiveConfig(_Section):
    """The contrastive term and the fairness term with its schedule.

    ``adversary_weight`` is the weight of ``fairness: adversarial``, ``fairness_weight`` that of any other term (by
    default the one that its file recommends). ``condition`` is what the adversary knows: nothing, the findings that
    the report states, or these while it sees the image only through the similarities to the findings.
    ``fairness: auto`` looks at the cohort and sets ``negatives``, ``condition``, ``adversary_weight`` and
    ``data.scrub_demographics`` where the configuration leaves them open (``training/policy.py``).
    """

    contrastive: Literal["infonce", "siglip", "fastclip"] = "infonce"
    fastclip: FastCLIPConfig = FastCLIPConfig()
    chunk: int | None = Field(None, ge=0)  # rows of a tile of the logits; 0 never, null beyond 2,048 rows
    negatives: Literal["all", "same_cell", "group_adjusted"] = "all"  # docs/which-remedy.md
    fairness: Literal[
        "none",
        "adversarial",
        "fairclip_as_coded",
        "fairclip_exact",
        "fairclip_plus",
        "mmd",
        "coral",
        "group_dro",
        "auto",
    ] = "adversarial"
    attributes: list[str] = ["race", "sex"]
    fairness_weight: float | None = Field(None, ge=0.0)
    adversary_weight: float = Field(1.5, ge=0.0)
    target: Literal["image", "text", "both"] = "image"
    update: Literal["reversal", "alternating"] = "reversal"
    heads: Literal["per_attribute", "joint"] = "per_attribute"
    condition: Literal["none", "findings", "equalized_odds"] = "none"
    projection: Literal["none", "zhang", "no_conflict", "no_conflict_per_sample"] = "none"
    adversary_steps: int = Field(5, ge=1)
    delay: float = Field(0.15, ge=0, le=1)
    ramp: float = Field(0.30, ge=0, le=1)

    @model_validator(mode="after")
    def _agrees(self) -> "ObjectiveConfig":
        if self.fairness_weight is not None and self.fairness in ("none", "adversarial"):
            key = "adversary_weight" if self.fairness == "adversarial" else "no weight"
            raise ValueError(f"fairness_weight does nothing with fairness: {self.fairness}, which has {key}")
        if self.negatives != "all" and self.contrastive == "fastclip":
            raise ValueError(f"negatives: {self.negatives} goes with contrastive: infonce or siglip")
        if self.condition == "equalized_odds" and self.target != "image":
            raise ValueError("condition: equalized_odds sees the image alone; set target: image")
        return self


class TrainConfig(_Section):
    """Optimisation: steps, learning rates, device count, precision.

    ``text_lr_factor`` times ``lr`` is the rate of the text tower and the logit scale. The default is our choice for
    the tiny towers, whose text side overshoots at the rate that the image side needs; 1 for one rate.
    ``compile`` has torch.compile translate the towers; where it cannot, the run goes on without and says so.
    ``strategy`` says what several processes each hold: ``ddp`` whole towers, ``fsdp`` a shard of every weight, for towers
    that do not fit one device; in 32-true or bf16-mixed, without ``compile``.
    ``checkpoint_activations`` computes the towers' inner activations again backwards instead of keeping them.
    ``select`` picks the checkpoint that becomes ``model/`` by the validation split; ``auto`` is ``least_leakage``
    for ``fairness: adversarial`` where the cohort has a ``val`` split, and ``last`` otherwise.
    """

    steps: int = Field(1000, ge=1)
    lr: float = Field(2.0e-3, gt=0)
    text_lr_factor: float = Field(0.15, ge=0)
    adversary_lr: float = Field(5.0e-3, ge=0)
    weight_decay: float = Field(1.0e-3, ge=0)
    warmup: int = Field(30, ge=0)
    devices: int = Field(1, ge=1)  # of each node
    nodes: int = Field(1, ge=1)
    strategy: Literal["ddp", "fsdp"] = "ddp"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    compile: bool = False
    checkpoint_activations: bool = False
    checkpoint_every: int = Field(200, ge=1)
    keep_last: int = Field(2, ge=1)  # checkpoints; what ``select`` may still choose is kept besides
    log_every: int = Field(10, ge=1)
    select: Literal["auto", "last", "best_auc", "best_worst_group", "least_leakage"] = "auto"

    @model_validator(mode="after")
    def _agrees(self) -> "TrainConfig":
        if self.strategy == "fsdp" and (self.compile or self.precision == "16-mixed"):
            raise ValueError("strategy: fsdp goes with precision 32-true or bf16-mixed and without compile")
        return self


class Config(_Section):
    """A whole run."""

    seed: int = Field(0, ge=0)
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="after")
    def _agrees(self) -> "Config":
        aim, frozen = self.objective, self.model.freeze
        if len(set(frozen)) == 2:
            raise ValueError("model.freeze: with both towers frozen there is nothing to train")
        target = {"adversarial": aim.target, "auto": aim.target, "mmd": "image", "coral": "image"}.get(
            aim.fairness
        )
        idle = aim.adversary_weight == 0 and aim.fairness == "adversarial"
        for tower in frozen if target and not idle else []:
            if target in (tower.removesuffix("_tower"), "both"):
                raise ValueError(
                    f"objective.fairness: {aim.fairness} works on the {tower}, which model.freeze holds still: "
                    "choose another objective.target or objective.fairness: none"
                )
        if aim.projection == "zhang" and self.train.precision == "16-mixed":
            raise ValueError(
                "objective.projection: zhang compares two gradients, of which 16-mixed scales one"
            )
        return self

    def to_yaml(self) -> str:
        """The complete configuration, as a run folder keeps it."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def _assign(tree: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set '{override}': expected KEY=VALUE, for example train.steps=500")
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"--set '{override}': '{parent}' is a value, not a section")
    tree[last] = parse_yaml(value)


class _Repeated(yaml.constructor.ConstructorError):
    """A key that stands twice in one section: YAML itself would forget the first without a word."""


def _once(loader: type[yaml.SafeLoader] | type[yaml.BaseLoader]) -> Any:
    """A loader that refuses such keys."""

    class Once(loader):  # type: ignore[misc, valid-type]
        def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
            node = super().compose_mapping_node(anchor)
            seen: set[str] = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in seen:
                    raise _Repeated(None, None, f"'{key.value}' comes twice", key.start_mark)
                seen.add(key.value)
            return node

    return Once


def parse_yaml(text: str, loader: type[yaml.SafeLoader] | type[yaml.BaseLoader] = yaml.SafeLoader) -> Any:
    """What a YAML text says. Raises yaml.YAMLError, also where it is nested deeper than Python goes or repeats a key."""
    try:
        return yaml.load(text, Loader=_once(loader))
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None


def faults(error: ValidationError, model: type[BaseModel], *, below: str = "") -> str:
    """What a validation found, ``KEY: WHAT`` each, with the nearest key of ``model`` beside an unknown one.

    Args:
        below: the section that the keys are in, in front of each.
    """
    said = []
    for each in error.errors():
        key, what = ".".join(map(str, each["loc"])), each["msg"]
        if each["type"] == "extra_forbidden":
            near = get_close_matches(key, _keys(model), n=1, cutoff=0.75)
            what = f"unknown key{f'; did you mean {near[0]}?' if near else ''}"
        said.append(f"{below}{key}: {what}" if key else f"whole file: {what}")
    return "; ".join(said)


def _keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every key of a model, those of its sections dotted."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(f"{prefix}{name}")
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys += _keys(kind, f"{prefix}{name}.")
    return keys


def with_overrides(tree: dict[str, Any] | None, overrides: Sequence[str]) -> dict[str, Any]:
    """A copy of a nested dict of keys with each ``KEY=VALUE`` applied. Raises ConfigError where one is neither."""
    merged = deepcopy(tree or {})
    for override in overrides:
        _assign(merged, override)
    return merged


def build_config(
    tree: dict[str, Any] | None, overrides: Sequence[str] = (), *, source: str = "config"
) -> Config:
    """Validate a nested dict of keys after applying ``KEY=VALUE`` overrides.

    Raises:
        ConfigError: a key is unknown or a value is out of range; names the key, the source and what is allowed.
    """
    merged = with_overrides(tree, overrides)
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(f"{source}: {faults(error, Config)}") from None


def read_tree(path: Path) -> Any:
    """What a YAML configuration file holds, not yet checked. Raises ConfigError when it is missing or not YAML."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such configuration file")
    try:
        return parse_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        what = error.problem if isinstance(error, _Repeated) else "not valid YAML"
        raise ConfigError(f"{path}{line}: {what}") from None


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read a YAML configuration file. Raises ConfigError when it is missing, not YAML, or not valid."""
    path = Path(path)
    tree = read_tree(path)
    if tree is not None and not isinstance(tree, dict):
        raise ConfigError(
            f"{path}: expected sections such as 'data:' and 'train:', found {type(tree).__name__}"
        )
    return build_config(tree, overrides, source=str(path))
