"""What a report is made from: one tidy table, training logs, and facts about how they came to be.

Every part of the page reads ``ReportData`` and nothing else, so a new section never touches a file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from adfair.auditing.predictions import Predictions
from adfair.reporting.projection import Projection

TEXT_COLUMNS = ("metric", "finding", "attribute", "group", "stratum", "note")
NUMBER_COLUMNS = (
    "value",
    "ci_low",
    "ci_high",
    "expected_by_chance",
    "p_value",
    "p_adjusted",
    "n",
    "n_positive",
)
# In the order of the fields of ``Estimate``.
ESTIMATE_COLUMNS = (*NUMBER_COLUMNS[:-1], "note")
MODEL_LABELS = {
    "clip": "CLIP",
    "scrubbed_clip": "Scrubbed CLIP",
    "adfair": "AdFair-CLIP",
    "auto": "AdFair auto",
}
NAN = float("nan")
# The first of these that the table holds is the gap that the page speaks of.
GAPS = ("equalized_odds_difference", "demographic_parity_difference", "auc_gap")

Key = tuple[str, str, str, str, str, str]


@dataclass(frozen=True)
class Estimate:
    """One cell of the table. ``value`` is NaN when the metric is undefined; ``note`` then says why."""

    value: float
    low: float = NAN
    high: float = NAN
    chance: float = NAN
    p_value: float = NAN
    p_adjusted: float = NAN
    n: float = NAN
    note: str = ""
    floored: bool = (
        False  # the p-value is the least that the permutations can give, so that it tells nothing above .05
    )

    @property
    def defined(self) -> bool:
        return math.isfinite(self.value)

    @property
    def has_interval(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def evidence(self) -> float:
        """The p-value adjusted for how many were looked at, or as it is where none was; NaN without any."""
        return self.p_adjusted if math.isfinite(self.p_adjusted) else self.p_value

    @property
    def beyond_chance(self) -> bool | None:
        """Whether a gap is larger than identical groups would show; ``None`` where the table cannot say."""
        if not self.defined:
            return None
        if math.isfinite(self.evidence) and not self.floored:
            return self.evidence < 0.05
        return self.low > self.chance if self.has_interval and math.isfinite(self.chance) else None


@dataclass(frozen=True)
class RunRecord:
    """One training run: the logged steps in order, the resolved configuration, the environment."""

    name: str
    log: tuple[Mapping[str, Any], ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One example image as a ``data:`` address; without one, ``fault`` says why."""

    data_uri: str
    description: str
    fault: str = ""


@dataclass(frozen=True)
class SampleSheet:
    """Example images, one row a group and one column a finding; ``None`` where the cohort has none."""

    attribute: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Sample | None, ...]], ...]
    caption: str = "One synthetic image"


@dataclass(frozen=True)
class ReportData:
    """Everything on the page.

    Args:
        metrics: the columns of ``metrics.csv`` with ``model`` and ``test_set`` in front.
        differences: paired differences (``model_a, model_b, metric, ..., ci_low, ci_high``) or empty.
        runs: training runs, in the order of the models.
        facts: command, seed, seconds, versions, threshold rule, ... as the workflow recorded them.
        cohort: the content of ``cohort.yaml``, or empty.
        samples: example images, only ever of a synthetic cohort.
        predictions, projections: of the models on the primary test set, where their files are there.
        diagnosis: ``diagnosis.json``, or empty.
        files: the tables that were read and the SHA-256 of each.
        missed: images of real patients that a model missed, only ever when asked for.
    """

    title: str
    metrics: pd.DataFrame
    differences: pd.DataFrame = field(default_factory=pd.DataFrame)
    runs: tuple[RunRecord, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    cohort: Mapping[str, Any] = field(default_factory=dict)
    samples: SampleSheet | None = None
    predictions: Mapping[str, Predictions] = field(default_factory=dict)
    projections: Mapping[str, Projection] = field(default_factory=dict)
    diagnosis: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    missed: SampleSheet | None = None

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Model names in order of appearance, the baseline first and the candidate second."""
        names = list(dict.fromkeys(self.metrics["model"]))
        baseline = "clip" if "clip" in names else names[0]
        candidate = next((name for name in ("auto", "adfair") if name in names), names[-1])
        return tuple(dict.fromkeys([baseline, candidate, *names]))

    @property
    def pair(self) -> tuple[str, str] | None:
        """Baseline and candidate, or ``None`` when there is one model."""
        return (self.models[0], self.models[1]) if len(self.models) > 1 else None

    @cached_property
    def test_sets(self) -> tuple[str, ...]:
        """Test sets, ``test`` first when there is one."""
        names = list(dict.fromkeys(self.metrics["test_set"]))
        return tuple(sorted(names, key=lambda name: name != "test"))

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Single sensitive attributes (no intersections), the one whose groups are furthest apart first.

        A gap beyond chance in any model goes before one that is not; then by how far beyond. The page leads with it.
        """
        names = [a for a in dict.fromkeys(self.metrics["attribute"]) if a and a not in self.intersections]
        return tuple(sorted(names, key=self._urgency))

    @cached_property
    def gap_metric(self) -> str | None:
        """The gap metric that the page speaks of, or ``None`` when the table has no gap between groups."""
        between = self.metrics[self.metrics["attribute"] != ""]
        held, defined = set(between["metric"]), set(between.loc[between["value"].notna(), "metric"])
        return next((metric for names in (defined, held) for metric in GAPS if metric in names), None)

    def _urgency(self, attribute: str) -> tuple[bool, bool, float]:
        pair = self.pair or self.models[:1]
        both = [self.get(self.gap_metric or "", model=m, attribute=attribute) for m in pair]
        found = [self.get(self.gap_metric or "", model=m, attribute=attribute) for m in self.models]
        gaps = [gap for gap in found if gap is not None and gap.defined]
        excess = [gap.value - (gap.chance if math.isfinite(gap.chance) else 0.0) for gap in gaps]
        told = all(gap is not None and gap.defined for gap in both)
        return not told, not any(gap.beyond_chance for gap in gaps), -max(excess, default=-math.inf)

    @cached_property
    def intersections(self) -> tuple[str, ...]:
        """Crossed attributes such as ``race*sex``: every part is an attribute of the table too."""
        names = dict.fromkeys(self.metrics["attribute"])
        return tuple(a for a in names if "*" in a and all(part in names for part in a.split("*")))

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """Findings in order of appearance, without ``mean``."""
        return tuple(f for f in dict.fromkeys(self.metrics["finding"]) if f not in ("", "mean"))

    def groups(self, attribute: str) -> tuple[str, ...]:
        """Groups of an attribute in order of appearance; the unknown group is one of them."""
        return self._groups.get(attribute, ())

    @cached_property
    def _groups(self) -> dict[str, tuple[str, ...]]:
        # Asked for at every cell of the page, so the table is gone through once.
        # The group of a signed difference is a pair such as A-B, not a group.
        single = ~self.metrics["metric"].str.endswith("_difference") & (self.metrics["group"] != "")
        pairs = self.metrics.loc[single, ["attribute", "group"]].drop_duplicates()
        found: dict[str, list[str]] = {}
        for attribute, group in zip(pairs["attribute"], pairs["group"], strict=True):
            found.setdefault(attribute, []).append(group)
        return {attribute: tuple(names) for attribute, names in found.items()}

    @cached_property
    def _index(self) -> dict[Key, Estimate]:
        frame = self.metrics[self.metrics["stratum"] == ""]
        keys = zip(
            *(frame[c] for c in ("model", "test_set", "metric", "finding", "attribute", "group")), strict=True
        )
        numbers = zip(
            *(frame[c] for c in ESTIMATE_COLUMNS),
            strict=True,
        )
        index: dict[Key, Estimate] = {}
        for key, row in zip(keys, numbers, strict=True):
            found = Estimate(*row)
            if found.evidence >= 0.05 and found.p_value <= self._least_p:
                found = replace(found, floored=True)
            index.setdefault(key, found)
        return index

    @cached_property
    def _least_p(self) -> float:
        """The least p-value that a gap can have; 0 where the number of permutations is not recorded."""
        recorded = self.facts.get("permutations", self.facts.get("replicates"))
        return 1 / (1 + min(1000, recorded)) + 1e-9 if isinstance(recorded, int) and recorded else 0.0

    def get(
        self,
        metric: str,
        *,
        model: str,
        test_set: str | None = None,
        finding: str = "mean",
        attribute: str = "",
        group: str = "",
    ) -> Estimate | None:
        """The estimate of one cell, or ``None`` when the table has no such row.

        The primary test set is the default. A metric that belongs to no finding (leakage) is found under an
        empty finding as well as under ``mean``.
        """
        place = test_set if test_set is not None else self.test_sets[0]
        found = self._index.get((model, place, metric, finding, attribute, group))
        if found is None and finding == "mean":
            found = self._index.get((model, place, metric, "", attribute, group))
        return found


def model_label(name: str) -> str:
    """The name of a model as the page prints it."""
    return MODEL_LABELS.get(name, name)
