"""Example images: of a synthetic cohort by default, of missed patients only when asked for."""

from adfair.reporting.data import ReportData
from adfair.reporting.sections.section import Section

INTRO = (
    "The films are drawn by a program, so no patient is shown. Each row is a group and each column a "
    "finding; the difference in rendering between rows is the cue by which a model can tell groups apart."
)
MISSED = (
    "For each group and finding, the image that has the finding and that the model scored lowest, if that is below "
    "its threshold. These may be images of patients, put here because this page was asked for them: share it only "
    "where the images themselves may be shared."
)


def samples(data: ReportData) -> Section | None:
    """The contact sheet, when the workflow declared the cohort synthetic."""
    if data.samples is None:
        return None
    return Section("samples", "Images", "What the images look like", INTRO, samples=data.samples)


def missed(data: ReportData) -> Section | None:
    """Missed images, when the user gave the cohort for them."""
    if data.missed is None:
        return None
    return Section("missed", "Missed", "Images that were missed", MISSED, samples=data.missed)
