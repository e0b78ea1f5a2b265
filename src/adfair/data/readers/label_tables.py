"""Tables of label names in YAML: our finding -> the names of a source that mean it; users may give their own."""

from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adfair.config import faults, parse_yaml
from adfair.errors import ConfigError


class LabelTable(BaseModel):
    """A label table.

    Attributes:
        findings: our finding -> names (of a closed vocabulary) or expressions (of coded terms).
        unlabelled: source names that say that nobody labelled the row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    findings: dict[str, list[str]] = Field(min_length=1)
    unlabelled: list[str] = []


def load_label_table(name: str, own: Path | str | None = None) -> LabelTable:
    """The packaged table ``name``, or the user's own file. Raises ConfigError naming file and key."""
    path = Path(own) if own else None
    try:
        text = path.read_text("utf-8-sig") if path else files(__package__).joinpath(name).read_text("utf-8")
        return LabelTable.model_validate(parse_yaml(text))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(f"{path or name}: not valid YAML in UTF-8") from None
    except ValidationError as error:
        raise ConfigError(f"{path or name}: {faults(error, LabelTable)}") from None
