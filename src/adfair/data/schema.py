"""What a cohort declares about itself in ``cohort.yaml``, and the columns its manifest has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from adfair.config import faults, parse_yaml
from adfair.errors import ConfigError, DataError

UNKNOWN = "Unknown"
"""The group of a patient whose group is not known; an empty cell means the same."""

COHORT_FILE = "cohort.yaml"
REQUIRED_COLUMNS = ("image_id", "patient_id", "image_path", "report", "split")
OPTIONAL_COLUMNS = ("study_id", "view", "age")
CORE_COLUMNS = ("image_id", "patient_id", "study_id", "image_path", "report", "split", "view", "age")
MAX_AGE = 120.0
"""Years; a larger age is a typing error or a de-identification code."""


class CohortInfo(BaseModel):
    """The content of ``cohort.yaml``.

    Attributes:
        name: short name of the cohort.
        findings: one manifest column each, with 1, 0, -1 (uncertain) or empty (not mentioned).
        attributes: sensitive attribute (a column) -> its declared groups (values). Unknown is never declared.
        splits: names that the ``split`` column may hold.
        source: where the data came from.
        licence: under which terms they may be used.
        manifest_sha256: hash of the manifest file; written by ``write_cohort``.
        image_root: folder that ``image_path`` is relative to (absolute, or relative to the cohort folder);
            the cohort folder itself when absent.
        exclude_patients: lists of patients (column ``patient_id``) that training leaves out; absolute paths, or
            relative to the cohort folder. ``adfair balance`` adds to them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    findings: list[str]
    attributes: dict[str, list[str]]
    splits: list[str] = ["train", "val", "test"]
    source: str = ""
    licence: str = ""
    manifest_sha256: str | None = None
    image_root: str | None = None
    exclude_patients: list[str] = []

    @field_validator("findings", "splits")
    @classmethod
    def _distinct(cls, names: list[str]) -> list[str]:
        _require_names(names)
        return names

    @field_validator("attributes")
    @classmethod
    def _groups(cls, attributes: dict[str, list[str]]) -> dict[str, list[str]]:
        for groups in attributes.values():
            _require_names(groups)
            if UNKNOWN in groups:
                raise ValueError(f"'{UNKNOWN}' always exists and is not declared; take it out of the list")
        return attributes

    @model_validator(mode="after")
    def _columns_do_not_clash(self) -> "CohortInfo":
        # 'view' may be both the core column and a sensitive attribute: it is a group value either way.
        taken = set(CORE_COLUMNS) - {"view"}
        for column in self.attributes:
            if column in taken:
                raise ValueError(f"attribute '{column}' has the name of a fixed column; rename it")
        for column in self.findings:
            if column in CORE_COLUMNS or column in self.attributes:
                raise ValueError(f"finding '{column}' has the name of another column; rename it")
        return self

    def groups_of(self, attributes: Sequence[str]) -> dict[str, list[str]]:
        """Groups by attribute, of the named attributes or, where none is named, of all.

        Raises:
            ConfigError: no attribute is declared, or one of those named is not.
        """
        unknown = [name for name in attributes if name not in self.attributes]
        if unknown or not self.attributes:
            raise ConfigError(
                f"attributes: cohort '{self.name}' has no {' and no '.join(map(repr, unknown)) or 'attributes'}; "
                f"it declares {', '.join(self.attributes) or 'none'}"
            )
        return {name: self.attributes[name] for name in attributes or self.attributes}

    def to_yaml(self) -> str:
        """The text of ``cohort.yaml``, keys in the order above."""
        keys = self.model_dump(exclude_none=True)
        if not self.exclude_patients:
            del keys["exclude_patients"]
        return yaml.safe_dump(keys, sort_keys=False, allow_unicode=True)


def _require_names(names: list[str]) -> None:
    if not names:
        raise ValueError("the list is empty; name at least one")
    if any(not name or name != name.strip() for name in names):
        raise ValueError("a name is empty or has blanks around it")
    if len(set(names)) != len(names):
        raise ValueError("a name is listed twice")


def parse_info(tree: Any, *, file: Path) -> CohortInfo:
    """Validate the parsed YAML of a cohort file. Raises DataError naming every wrong key."""
    if not isinstance(tree, dict):
        raise DataError.at(
            "expected the keys name, findings, attributes, splits",
            file=file,
            remedy="Write them as 'key: value'.",
        )
    try:
        return CohortInfo.model_validate(tree)
    except ValidationError as error:
        raise DataError.at(
            faults(error, CohortInfo),
            file=file,
            remedy="Correct the keys; put quotes around names that YAML reads as no or 1.",
        ) from None


def read_info(root: Path) -> CohortInfo:
    """Read ``cohort.yaml`` of a cohort folder. Raises DataError when it is absent, not YAML, or not valid."""
    file = root / COHORT_FILE
    if not file.is_file():
        raise DataError.at(
            "no such file",
            file=file,
            remedy="A cohort is a folder with cohort.yaml and manifest.csv; make one with 'adfair import' or "
            "'adfair synth'.",
        )
    try:
        tree = parse_yaml(file.read_bytes().decode("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1} is not valid YAML" if mark else "not valid YAML in UTF-8"
        raise DataError.at(line, file=file, remedy="Correct the file.") from None
    return parse_info(tree, file=file)
