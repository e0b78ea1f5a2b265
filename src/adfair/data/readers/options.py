"""The choices of an import: what a reader does not find in its source but a user decides."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from adfair.config import faults, parse_yaml
from adfair.data.split import DEFAULT_FRACTIONS
from adfair.errors import ConfigError


def _names(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _share(value: Any) -> Any:
    if isinstance(value, str) and value.endswith("%"):
        return float(value[:-1]) / 100
    return value


Names = Annotated[list[str], BeforeValidator(_names)]


class ReadOptions(BaseModel):
    """Choices that all readers of named data sets share; ``--set KEY=VALUE`` on the command line.

    Attributes:
        attributes: sensitive attributes of the cohort; by default race and sex where the source has them.
        maps: attribute -> YAML table that replaces ours (``--set maps.race=FILE``), see ``groups.py``.
        other: a raw text that stands in no table is an error, or the unknown group.
        portuguese: group of a race given as Portuguese (MIMIC-IV): ``white``, ``own``, ``other``, ``unknown``.
        hispanic: group of a Hispanic patient: ``race`` = the race stated beside it (Other where none is),
            ``own`` = Hispanic, ``other``, ``unknown``, or ``drop`` = left out of the cohort.
        other_races: people in group Other stay one (``keep``), become ``unknown``, or are left out (``drop``).
        conflicting: a patient with two known groups: ``drop``, ``first``, ``most_frequent`` (the earlier on
            a tie), ``unknown`` or ``refuse``. An unknown beside a known group is no conflict.
        sections: report sections in the order they are tried; ``findings+impression`` wants both and joins
            them, as does ``both``. An empty list leaves reports out.
        no_text: rows without any of these sections are dropped, or speak by their ``labels``.
        labels: which labels, where a source has several; each reader documents its names.
        uncertain: label -1 stays (``keep``), becomes 1 (``ones``), 0 (``zeros``) or empty (``ignore``): the
            U-Ones, U-Zeros and U-Ignore of Irvin et al. 2019 (CheXpert).
        views: ``frontal`` (AP, PA, or frontal without saying which), ``all``, ``AP`` or ``PA``.
        missing: rows whose image file is not there are an error, or dropped and counted.
        invalid_age: an age that is none (``414``) is the unknown age and counted, or an error.
        max_bad: share of rows (``0.1%``) that may be skipped for a fault; they are counted by fault.
        split: the source's ``own``, or ``seeded`` by patient; by default its own where it has one.
        fractions: shares of a seeded split.
        scrub_demographics: take words for sex, race and age out of the reports.
        image_hashes: add a column ``image_sha256``; reads every image file once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attributes: Names | None = None
    maps: dict[str, Path] = {}
    other: Literal["refuse", "unknown"] = "refuse"
    portuguese: Literal["white", "own", "other", "unknown"] = "white"
    hispanic: Literal["race", "own", "other", "unknown", "drop"] = "race"
    other_races: Literal["keep", "unknown", "drop"] = "keep"
    conflicting: Literal["drop", "first", "most_frequent", "unknown", "refuse"] = "drop"
    sections: Names = ["impression", "findings"]
    no_text: Literal["drop", "labels"] = "drop"
    labels: str | None = None
    uncertain: Literal["keep", "ones", "zeros", "ignore"] = "keep"
    views: Literal["frontal", "all", "AP", "PA"] = "frontal"
    missing: Literal["refuse", "drop"] = "refuse"
    invalid_age: Literal["unknown", "refuse"] = "unknown"
    max_bad: Annotated[float, BeforeValidator(_share), Field(ge=0, lt=1)] = 0.0
    split: Literal["own", "seeded"] | None = None
    fractions: dict[str, float] = DEFAULT_FRACTIONS
    scrub_demographics: bool = False
    image_hashes: bool = False

    def choose_labels(self, names: Sequence[str], *, reader: str) -> str:
        """The label source to read: ``labels``, or the first of ``names``. Raises ConfigError at any other."""
        if self.labels is None:
            return names[0]
        if self.labels not in names:
            raise ConfigError(f"labels={self.labels}: the reader '{reader}' has {', '.join(names)}")
        return self.labels


def read_options(choices: "ReadOptions | dict[str, Any] | Sequence[str] | None") -> ReadOptions:
    """Options from a model, a dict or ``KEY=VALUE`` texts. Raises ConfigError naming each wrong key."""
    if isinstance(choices, ReadOptions):
        return choices
    tree = choices if isinstance(choices, dict) else _tree(choices or [])
    try:
        return ReadOptions.model_validate(tree)
    except (ValidationError, ValueError) as error:
        text = faults(error, ReadOptions) if isinstance(error, ValidationError) else str(error)
        raise ConfigError(
            f"import options: {text}; there are {', '.join(ReadOptions.model_fields)}"
        ) from None


def _tree(overrides: Sequence[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set '{override}': expected KEY=VALUE, for example views=all")
        section, dot, name = key.partition(".")
        if not dot:
            tree[key] = _value(text, override)
        elif isinstance(tree.setdefault(section, {}), dict):
            tree[section][name] = text
        else:
            raise ConfigError(f"--set '{override}': '{section}' is a value, not a section")
    return tree


def _value(text: str, override: str) -> Any:
    """Lists and mappings are read as YAML; anything else stays a text, so that ``no`` is not False."""
    if text[:1] not in ("[", "{"):
        return text
    try:
        return parse_yaml(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set '{override}': not valid YAML") from None
