"""The file of a sweep: a training configuration with one more section, ``sweep``, checked key by key."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic import model_validator as validator

from adfair.config import faults, parse_yaml, read_tree
from adfair.errors import ConfigError

Protocols = list[Literal["zero_shot", "linear_probe", "leakage"]]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Synthetic(_Section):
    """A population to draw, see ``adfair.synth``; the seed of a run is the seed of its cohort."""

    preset: str = "default"
    n_train: int = Field(6000, ge=60)
    n_test: int = Field(3600, ge=60)
    ceiling: bool = False
    mention: float | None = Field(None, ge=0, le=1)


class PostHoc(_Section):
    """A remedy on the finished arm ``after`` of the same cohort and seed: ``erase`` or ``adapt``."""

    after: str
    erase: str | dict[str, Any] | None = None
    adapt: dict[str, Any] | None = None

    @validator(mode="after")
    def _one_remedy(self) -> "PostHoc":
        if (self.erase is None) == (self.adapt is None):
            raise ValueError(
                "name one remedy beside 'after': 'erase: METHOD', or 'adapt: {}' with its settings"
            )
        return self

    @property
    def workflow(self) -> Literal["erase", "adapt"]:
        """The function of ``adfair.workflows.posthoc`` that does it."""
        return "erase" if self.adapt is None else "adapt"

    @property
    def settings(self) -> dict[str, Any]:
        """Its keyword arguments; ``erase: leace`` is short for ``erase: {method: leace}``."""
        named = self.erase if self.adapt is None else self.adapt
        return {"method": named} if isinstance(named, str) else dict(named or {})


def _arm_kind(value: Any) -> str:
    return ("overrides", "posthoc")[
        isinstance(value, PostHoc) or (isinstance(value, Mapping) and "after" in value)
    ]


# Which of two shapes an entry has is seen first, so that a wrong key is reported for that shape alone.
CohortSource = Annotated[
    Annotated[Synthetic, Tag("synthetic")] | Annotated[Path, Tag("folder")],
    Discriminator(lambda v: "synthetic" if isinstance(v, Synthetic | Mapping) else "folder"),
]
ArmSource = Annotated[
    Annotated[PostHoc, Tag("posthoc")] | Annotated[dict[str, Any], Tag("overrides")],
    Discriminator(_arm_kind),
    BeforeValidator(lambda v: {} if v is None else v),
]


class SweepSection(_Section):
    """What is compared with what. ``None`` stands for a choice that the sweep makes from the cohort."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field([0], min_length=1)
    baseline: str | None = None
    cohorts: dict[str, CohortSource] = {}
    arms: dict[str, ArmSource] = {}
    test_sets: dict[str, Protocols] | None = None
    figures: list[str] | None = None
    replicates: int = Field(1000, ge=0)

    def tree(self) -> dict[str, Any]:
        """The section as YAML writes it, without what was left to the sweep."""
        whole = {key: value for key, value in self.model_dump(mode="json").items() if value is not None}
        for name, arm in self.arms.items():
            if isinstance(arm, PostHoc):
                whole["arms"][name] = {
                    "after": arm.after,
                    arm.workflow: arm.erase if arm.erase else arm.adapt,
                }
        return whole


def read_sweep_file(path: Path | str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The training configuration and the ``sweep`` section of a file, neither yet checked.

    Raises:
        ConfigError: the file is missing, is not YAML, or holds no sections.
    """
    tree = read_tree(Path(path))
    tree = {} if tree is None else tree
    section = tree.pop("sweep", None) or {} if isinstance(tree, dict) else None
    if not isinstance(section, dict):
        raise ConfigError(f"{path}: expected sections such as 'train:' and 'sweep:', each with keys below it")
    return tree, section


def parse_section(section: Mapping[str, Any], *, source: str) -> SweepSection:
    """Check a ``sweep`` section. Raises ConfigError naming every wrong key."""
    try:
        return SweepSection.model_validate(section)
    except ValidationError as error:
        raise ConfigError(f"{source}: {faults(error, SweepSection, below='sweep.')}") from None


def require_no_seed(tree: Mapping[str, Any], overrides: Sequence[str], *, seeds: Any, source: str) -> None:
    """Refuse a seed that no run would have.

    Args:
        tree: the training configuration; its ``seed`` may stand where ``seeds`` replace it, or be the default.
        overrides: ``KEY=VALUE`` each. seeds: those of the sweep, if any are named.

    Raises:
        ConfigError: names what to write instead.
    """
    if any(text.partition("=")[0].strip() == "seed" for text in overrides):
        raise ConfigError("--set seed: not a key that arms share; use --seeds")
    if tree.get("seed", 0) != 0 and not seeds:
        raise ConfigError(f"{source}: seed: the runs of a sweep have those of sweep.seeds; use --seeds")


def parse_grid(axes: Mapping[str, list[Any]]) -> dict[str, dict[str, Any]]:
    """The arms of a grid: every combination, the last key varying fastest, named by what sets it apart.

    Args:
        axes: dotted key -> its values.

    Raises:
        ConfigError: a key is the sweep's own, or a value comes twice.
    """
    for key, values in axes.items():
        if key in ("seed", "data.cohort"):
            other = "--seeds" if key == "seed" else "sweep.cohorts in the file"
            raise ConfigError(f"--grid {key}: not a key of an arm; use {other}")
        if len({_flow(value) for value in values}) < len(values):
            raise ConfigError(f"--grid {key}: a value comes twice")
    short = [key.rsplit(".", 1)[-1] for key in axes]
    names = [s if short.count(s) == 1 else key for s, key in zip(short, axes, strict=True)]
    arms = {}
    for chosen in product(*axes.values()):
        label = " ".join(f"{name}={_flow(value)}" for name, value in zip(names, chosen, strict=True))
        arms[label] = dict(zip(axes, chosen, strict=True))
    return arms


def parse_axes(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Axes of a grid, ``KEY=a,b,c`` each: dotted keys and their values, read as the items of a YAML list.

    Raises:
        ConfigError: an axis has no key or no value, or comes twice.
    """
    axes: dict[str, list[Any]] = {}
    for text in texts:
        key, separator, values = text.partition("=")
        try:
            parsed = parse_yaml(f"[{values}]")
        except yaml.YAMLError:
            parsed = None
        if not separator or not key or not parsed:
            raise ConfigError(f"--grid '{text}': expected KEY=a,b,c, for example train.steps=350,900")
        if key in axes:
            raise ConfigError(f"--grid {key}: given twice; write all its values after one KEY=")
        axes[key] = parsed
    return axes


def _flow(value: Any) -> str:
    """A value on one line, as YAML would read it again."""
    text = (
        yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("\n").removesuffix("\n...")
    )
    return text.replace(", ", ",")
