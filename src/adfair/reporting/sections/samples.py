"""Example images of a synthetic cohort."""

from adfair.reporting.data import ReportData
from adfair.reporting.sections.section import Section

INTRO = (
    "The films are drawn by a program, so no patient is shown. Each row is a group and each column a "
    "finding; the difference in rendering between rows is the cue by which a model can tell groups apart."
)


def samples(data: ReportData) -> Section | None:
    """The contact sheet, when the workflow declared the cohort synthetic."""
    if data.samples is None:
        return None
    return Section("samples", "Images", "What the images look like", INTRO, samples=data.samples)
