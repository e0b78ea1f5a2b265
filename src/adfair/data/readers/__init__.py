"""Readers of real data sets: each turns its source into a cohort folder and reports what it did."""

from adfair.data.readers.report import ImportReport, Reader
from adfair.data.readers.table import import_table
from adfair.errors import ConfigError

__all__ = ["READERS", "ImportReport", "Reader", "get_reader", "import_table"]

READERS: dict[str, Reader] = {
    "table": Reader(
        summary="any CSV, TSV or parquet table, one row an image, by a column mapping in YAML (--mapping)",
        sources="one table",
        read=import_table,
    ),
}


def get_reader(name: str) -> Reader:
    """The reader of that name. Raises ConfigError naming those there are."""
    if name not in READERS:
        raise ConfigError(f"no reader '{name}'; there are: {', '.join(READERS)}")
    return READERS[name]
