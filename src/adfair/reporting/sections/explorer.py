"""Every group, finding and model under the reader's hand: intervals, curves and a threshold that moves."""

from adfair.reporting.data import ReportData
from adfair.reporting.explorer import explorer as content
from adfair.reporting.sections.section import Section

INTRO = (
    "Choose a finding, an attribute or a model: the choice holds for the whole page. Bars are intervals. Curves are "
    "of one finding and one model at a time; the threshold moves the point on the ROC curve, the rates of each group "
    "and the gap between them at once."
)


def explorer(data: ReportData) -> Section | None:
    """The reader's own view; ``None`` when no attribute has groups."""
    held = content(data)
    if held is None:
        return None
    return Section("explore", "Explore", "Explore groups and thresholds", INTRO, explorer=held)
