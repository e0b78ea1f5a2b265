"""What an audit was asked to do, checked once and kept with its result."""

import os
from dataclasses import dataclass
from typing import Literal, TypedDict

from adfair.errors import ConfigError
from adfair.metrics.multiplicity import Adjustment

LEAST_REPLICATES = 10  # fewer give no interval worth the name
Interval = Literal["auto", "percentile", "bca", "delong"]


class Options(TypedDict, total=False):
    """The keyword options that :func:`adfair.auditing.audit` hands on; see :class:`Settings`."""

    level: float
    replicates: int
    permutations: int | None
    interval: Interval
    stratified: bool
    min_group: int
    suppress_small: bool
    adjustment: Adjustment
    ece_bins: int
    ece_binning: Literal["width", "mass"]
    seed: int
    threads: int | None


@dataclass(frozen=True)
class Settings:
    """How uncertainty is computed and shown.

    Args:
        level: of the intervals.
        replicates: bootstrap resamples of patients; 0 for no intervals.
        permutations: for the chance level of gaps; None is 1,000, or ``replicates`` where that is fewer.
        interval: ``auto`` (percentile bootstrap; Wilson for rates of one row a patient), ``percentile``,
            ``bca`` (smooth statistics; gaps stay percentile) or ``delong`` (AUCs and their differences).
        stratified: resample patients within their groups, so that group sizes stay fixed.
        min_group: number of patients below which a group is marked as small.
        suppress_small: take small groups out and blank small counts, for publication.
        adjustment: of p-values over findings and attributes: ``holm``, ``bh`` or ``none``.
        ece_bins, ece_binning: calibration bins, cut by equal ``width`` or equal ``mass``.
        seed: of all resampling.
        threads: workers; None is OMP_NUM_THREADS or the cores at hand. Results do not depend on it.

    Raises:
        ConfigError: an option is out of range.
    """

    level: float = 0.95
    replicates: int = 2000
    permutations: int | None = None
    interval: Interval = "auto"
    stratified: bool = False
    min_group: int = 10
    suppress_small: bool = False
    adjustment: Adjustment = "holm"
    ece_bins: int = 10
    ece_binning: Literal["width", "mass"] = "width"
    seed: int = 0
    threads: int | None = None

    @property
    def null_replicates(self) -> int:
        """Number of permutations."""
        return min(1000, self.replicates) if self.permutations is None else self.permutations

    @property
    def workers(self) -> int:
        """Number of threads."""
        return self.threads if self.threads is not None else default_threads()

    def told(self, count: int) -> str:
        """A number of people or images as a note may give it: a small one is ``some`` where it must not be published."""
        return "some" if self.suppress_small and count < self.min_group else f"{count:,}"

    def __post_init__(self) -> None:
        if not 0.5 <= self.level < 1:
            raise ConfigError(f"level {self.level}: must be at least .5 and below 1, for example .95")
        for name in ("replicates", "permutations", "min_group", "seed"):
            if (getattr(self, name) or 0) < 0:
                raise ConfigError(f"{name} {getattr(self, name)}: must not be negative")
        if self.seed >= 2**63:
            raise ConfigError(f"seed {self.seed}: must be below 2**63")
        if 0 < self.replicates < LEAST_REPLICATES:
            raise ConfigError(
                f"replicates {self.replicates}: at least {LEAST_REPLICATES}, or 0 for no intervals"
            )
        for name in ("threads", "ece_bins"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: must be at least 1")
        choices = {
            "interval": ("auto", "percentile", "bca", "delong"),
            "adjustment": ("holm", "bh", "none"),
            "ece_binning": ("width", "mass"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} '{getattr(self, name)}': must be one of {', '.join(allowed)}")


def default_threads() -> int:
    """OMP_NUM_THREADS where set, else the cores this process may use, at most 8."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, 8)
