"""Tables and lists as the commands print them."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import pandas as pd

    from adfair.data.manifest import Cohort


def print_cohort(cohort: "Cohort") -> None:
    """What a cohort holds, as ``adfair check`` shows it."""
    from adfair.data.summary import side_by_side, summarise

    tables = summarise(cohort)
    print_table(f"Splits of {cohort.info.name}", tables["splits"])
    print_table("Findings, in images", tables["findings"])
    print_table("Groups, in images (patients)", side_by_side(tables["groups"]))
    if "intersections" in tables:
        print_table("Intersections, in images (patients)", side_by_side(tables["intersections"]))
    if not cohort.has_reports:
        typer.echo("no reports: sentences are made from the labels")


def print_list(entries: dict[str, str]) -> None:
    """Names with a summary each, one a line."""
    for name, summary in entries.items():
        typer.echo(f"{name}  {summary}")


def print_table(title: str, frame: "pd.DataFrame") -> None:
    """A frame with its title, numbers to the right; nothing in its cells can steer the terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for name in frame.columns:
        numeric = frame[name].dtype.kind in "iuf"
        table.add_column(Text(str(name)), justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(_printable(cell)) for cell in row))
    Console().print(table)


def _printable(cell: object) -> str:
    """The text of a cell; characters that steer a terminal come from foreign tables and are replaced."""
    text = f"{cell:,}" if isinstance(cell, int) else str(cell)
    return "".join(c if c.isprintable() else "�" for c in text)
