"""The YAML file that says how the columns of a foreign table become ours."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from adfair.config import faults, parse_yaml
from adfair.data.split import DEFAULT_FRACTIONS
from adfair.errors import ConfigError

OF_A_PERSON = ("sex", "gender", "race", "ethnicity")
"""Attributes that a patient has once, whatever the images."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class FieldRule(_Part):
    """Where the text of one of our columns comes from; a bare name in YAML means ``{column: NAME}``.

    Attributes:
        column: source column.
        template: text with ``{source column}`` in it; without braces a constant.
        stem: keep only the file name without its suffix.
        map: source text -> ours; other texts stay as they are.
        invalid: for ``age`` alone: what becomes of a cell that is no age.
    """

    column: str | None = None
    template: str | None = None
    stem: bool = False
    map: dict[str, str] = {}
    invalid: Literal["refuse", "unknown"] = "refuse"

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str | int | float) else value

    @model_validator(mode="after")
    def _one_origin(self) -> "FieldRule":
        if (self.column is None) == (self.template is None):
            raise ValueError("give either 'column' or 'template'")
        return self


class SplitRule(FieldRule):
    """The source's own split column, or shares of the patients drawn by seed when there is none."""

    fractions: dict[str, float] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> "SplitRule":
        if sum(x is not None for x in (self.column, self.template, self.fractions)) != 1:
            raise ValueError("give one of 'column', 'template' and 'fractions'")
        return self


class AttributeRule(FieldRule):
    """A sensitive attribute.

    Attributes:
        groups: declared groups.
        other: what becomes of texts that are none of them.
        conflicting: what becomes of a patient with two groups; by default an error for ``OF_A_PERSON``, and kept for
            attributes of an image such as its view.
    """

    groups: list[str]
    other: Literal["refuse", "unknown"] = "refuse"
    conflicting: Literal["refuse", "unknown", "keep"] | None = None


class FindingRule(FieldRule):
    """A finding with a column of its own; ``map`` leads to '1', '0', '-1' and ''."""


class LabelList(_Part):
    """A column that lists findings by name, as in ``Effusion|Edema``.

    Attributes:
        column: source column.
        separator: between names.
        findings: our names -> the source's names that count as it; a list means that both are the same.
        unlisted: label of a finding that the cell does not name.
        empty: label of every finding where the cell is empty.
    """

    column: str
    separator: str = Field("|", min_length=1)
    findings: dict[str, list[str]]
    unlisted: Literal["0", ""] = "0"
    empty: Literal["0", ""] = ""

    @model_validator(mode="before")
    @classmethod
    def _same_names(cls, value: Any) -> Any:
        findings = value.get("findings") if isinstance(value, dict) else None
        if isinstance(findings, list) and all(isinstance(name, str) for name in findings):
            return value | {"findings": {name: [name] for name in findings}}
        return value


class Filter(_Part):
    """Rows to keep: those whose cell equals a text, is one of several, or is (not) empty."""

    column: str
    equals: str | None = None
    one_of: list[str] | None = None
    empty: bool | None = None

    @model_validator(mode="after")
    def _one_test(self) -> "Filter":
        if sum(x is not None for x in (self.equals, self.one_of, self.empty)) != 1:
            raise ValueError("give one of 'equals', 'one_of' and 'empty'")
        return self


class Images(_Part):
    """Where image files are.

    Attributes:
        root: their folder, relative to the folder of the source table.
        search: folders below it (with wildcards) in which bare file names are looked up.
        missing: what becomes of a row whose file is not there.
    """

    root: str = "."
    search: list[str] = []
    missing: Literal["refuse", "drop"] = "refuse"

    @field_validator("search")
    @classmethod
    def _below_the_root(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            parts = PurePosixPath(pattern).parts
            if pattern.startswith("/") or ".." in parts or any("**" in p and p != "**" for p in parts):
                raise ValueError(
                    f"'{pattern}' is no pattern of folders below 'root', such as images_*/images"
                )
        return patterns


class Mapping(_Part):
    """A whole mapping file.

    Attributes:
        keep: filters; a row is kept when it passes all of them.
        attributes: at least one sensitive attribute.
        findings: those with a column of their own.
        labels: those listed by name in one column; may be given beside ``findings``.
        no_text: rows without a report, where others have one: an error, left out, or sentences from their labels.
    """

    name: str
    source: str = ""
    licence: str = ""
    encoding: str = "utf-8-sig"
    images: Images = Images()
    keep: list[Filter] = []
    image_id: FieldRule
    patient_id: FieldRule | None = None
    study_id: FieldRule | None = None
    image_path: FieldRule
    report: FieldRule | None = None
    no_text: Literal["refuse", "drop", "labels"] = "refuse"
    view: FieldRule | None = None
    age: FieldRule | None = None
    split: SplitRule = SplitRule(fractions=DEFAULT_FRACTIONS)
    attributes: dict[str, AttributeRule] = Field(min_length=1)
    findings: dict[str, FindingRule] = {}
    labels: LabelList | None = None

    @model_validator(mode="after")
    def _some_finding(self) -> "Mapping":
        if not self.finding_names:
            raise ValueError("no finding: give 'findings' or 'labels'")
        twice = sorted({name for name in self.finding_names if self.finding_names.count(name) > 1})
        if twice:
            raise ValueError(f"'{twice[0]}' is in both 'findings' and 'labels'")
        return self

    @property
    def columns(self) -> set[str]:
        """The columns of the source that any rule reads."""
        return set(_columns(self))

    @property
    def finding_names(self) -> list[str]:
        """Our findings in the order of the file."""
        return [*self.findings, *(self.labels.findings if self.labels else {})]


def _columns(part: Any) -> Iterator[str]:
    if isinstance(part, FieldRule | Filter | LabelList):
        if part.column is not None:
            yield part.column
        yield from re.findall(r"\{([^{}]*)\}", getattr(part, "template", None) or "")
    elif isinstance(part, BaseModel | dict | list):
        inner = part if isinstance(part, list) else dict(part).values()
        for each in inner:
            yield from _columns(each)


def load_mapping(mapping: Path | str | dict[str, Any]) -> Mapping:
    """Read a mapping from a YAML file or a dict. Raises ConfigError naming each wrong key."""
    source, tree = ("mapping", mapping) if isinstance(mapping, dict) else (str(mapping), _read(Path(mapping)))
    try:
        return Mapping.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{source}: {faults(error, Mapping)}") from None


def _read(path: Path) -> Any:
    try:
        return parse_yaml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: not valid YAML in UTF-8") from None
