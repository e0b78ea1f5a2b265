"""What an audit returns: its tidy table, the options and the notes, and how it is saved."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adfair.auditing.settings import Settings


@dataclass(frozen=True)
class Audit:
    """A finished audit.

    ``table``: one row a figure, with the columns of ``metrics.csv``; ``settings``: the options; ``notes``:
    what was left out or assumed; ``facts``: sizes of the audited table; ``calibration``: points of
    reliability diagrams (finding, attribute, group, count, mean score, share positive).
    """

    table: pd.DataFrame
    settings: Settings
    notes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    calibration: pd.DataFrame = field(default_factory=pd.DataFrame)

    def value(
        self, metric: str, *, finding: str = "mean", attribute: str = "", group: str = "", stratum: str = ""
    ) -> float:
        """One figure of the table. Raises KeyError when there is no such row."""
        t = self.table
        rows = t[
            (t.metric == metric)
            & (t.finding == finding)
            & (t.attribute == attribute)
            & (t.group == group)
            & (t.stratum == stratum)
        ]
        if len(rows) != 1:
            raise KeyError(f"no row {metric}, {finding}, {attribute}, {group}, {stratum}")
        return float(rows["value"].iloc[0])

    def to_json(self) -> str:
        """Everything as strict JSON; undefined values are null.

        ``metrics_sha256`` is the hash of ``metrics.csv`` as ``save`` writes it, which tells whether the two belong
        together.
        """
        rows = self.table.astype(object).where(self.table.notna(), None).to_dict("records")
        curves = self.calibration.to_dict("records")
        whole = {
            "facts": self.facts,
            "settings": asdict(self.settings),
            "notes": list(self.notes),
            "metrics_sha256": hashlib.sha256(self._csv()).hexdigest(),
            "metrics": rows,
            "calibration": curves,
        }
        return json.dumps(whole, indent=1, allow_nan=False, default=_plain)

    def save(self, folder: Path | str) -> Path:
        """Write metrics.csv, calibration.csv, audit.json, audit.md and audit.tex into ``folder``."""
        from adfair.auditing.documents import latex, markdown

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.csv").write_bytes(self._csv())
        self.calibration.to_csv(folder / "calibration.csv", index=False)
        (folder / "audit.json").write_text(self.to_json() + "\n", encoding="utf-8")
        (folder / "audit.md").write_text(markdown(self), encoding="utf-8")
        (folder / "audit.tex").write_text(latex(self), encoding="utf-8")
        return folder

    def _csv(self) -> bytes:
        return self.table.to_csv(index=False, lineterminator="\n").encode()


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return str(value)
