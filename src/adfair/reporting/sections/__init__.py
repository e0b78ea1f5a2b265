"""The parts of the page below the first screen, in reading order.

A section is a function from ``ReportData`` to a ``Section``, or to ``None`` when there is nothing to show.
Adding one here is all it takes: the template draws whatever tables and figures it holds.
"""

from collections.abc import Callable

from adfair.reporting.data import ReportData
from adfair.reporting.sections.across import across_test_sets
from adfair.reporting.sections.cohort import cohort
from adfair.reporting.sections.curves import curves
from adfair.reporting.sections.explorer import explorer
from adfair.reporting.sections.gaps import gaps
from adfair.reporting.sections.groups import groups
from adfair.reporting.sections.intersections import intersections
from adfair.reporting.sections.leakage import leakage
from adfair.reporting.sections.projection import projection
from adfair.reporting.sections.provenance import provenance
from adfair.reporting.sections.samples import missed, samples
from adfair.reporting.sections.section import Section
from adfair.reporting.sections.tradeoff import tradeoff

SECTIONS: tuple[Callable[[ReportData], Section | None], ...] = (
    gaps,
    explorer,
    groups,
    intersections,
    tradeoff,
    across_test_sets,
    leakage,
    projection,
    cohort,
    curves,
    samples,
    missed,
    provenance,
)


def sections(data: ReportData) -> tuple[Section, ...]:
    """Every section that has something to show."""
    return tuple(found for make in SECTIONS if (found := make(data)) is not None)
