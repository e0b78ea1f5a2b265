"""Which findings of one cohort are which of another: a YAML file, and both cohorts put on common names by it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from adfair.config import parse_yaml
from adfair.data.manifest import Cohort, labels
from adfair.errors import DataError

FindingMap = dict[str, tuple[str, ...]]


def read_finding_map(file: Path | str | Mapping[str, object], first: Cohort, second: Cohort) -> FindingMap:
    """Read ``finding of the first cohort: finding of the second``, or a list of them, of which any counts.

    Raises:
        DataError: not such a file, nothing in it, or a finding that its cohort does not have.
    """
    tree = dict(file) if isinstance(file, Mapping) else _load(Path(file))
    if not tree:
        raise DataError.at("no findings", file="finding_map", remedy="Map at least one.")
    found: FindingMap = {}
    for name, value in tree.items():
        names = tuple(value) if isinstance(value, list | tuple) else (value,)
        wrong = [name] if name not in first.info.findings else []
        if wrong or not names or any(other not in second.info.findings for other in names):
            side, stray = (first, name) if wrong else (second, ", ".join(map(str, names)) or "nothing")
            raise DataError.at(
                f"'{name}': cohort '{side.info.name}' has no finding '{stray}'",
                file=None if isinstance(file, Mapping) else file,
                remedy=f"It has {', '.join(side.info.findings)}.",
            )
        found[str(name)] = tuple(map(str, names))
    return found


def _load(file: Path) -> dict[object, object]:
    try:
        tree = parse_yaml(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError.at(f"cannot be read as YAML ({type(error).__name__})", file=file) from None
    if not isinstance(tree, dict) or not tree:
        raise DataError.at("no findings", file=file, remedy="Write lines like 'Pleural Effusion: Effusion'.")
    return tree


def on_common_names(cohort: Cohort, columns: Mapping[str, tuple[str, ...]]) -> Cohort:
    """The cohort with the mapped findings only, under their common names.

    Of several columns a finding is present where any is, absent where all are, else uncertain where any is, else not
    mentioned.
    """
    table = cohort.table.drop(columns=cohort.info.findings)
    made = {name: _any_of(labels(cohort.table, names)) for name, names in columns.items()}
    info = cohort.info.model_copy(update={"findings": list(columns)})
    return Cohort(cohort.root, info, pd.concat([table, pd.DataFrame(made, index=table.index)], axis=1))


def _any_of(values: np.ndarray) -> np.ndarray:
    """[N, K] labels of 1, 0, -1 and NaN -> [N]."""
    present, absent = (values == 1).any(axis=1), (values == 0).all(axis=1)
    uncertain = (values == -1).any(axis=1)
    return np.select([present, absent, uncertain], [1.0, 0.0, -1.0], default=np.nan)
