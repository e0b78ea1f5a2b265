"""Result tables as one self-contained page, and as a table on the terminal. No torch."""

from adfair.reporting.data import ReportData
from adfair.reporting.render import report, write_report
from adfair.reporting.sources import read_sources
from adfair.reporting.terminal import comparison_table

__all__ = ["ReportData", "comparison_table", "read_sources", "report", "write_report"]
