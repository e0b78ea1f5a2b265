"""The command ``models``: which published models can be evaluated, and what file each wants."""

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("models")(models)


def models(
    markdown: bool = typer.Option(False, "--markdown", help="As a Markdown table."),
    update: Path | None = typer.Option(
        None, help="Put the table into this page of the documentation instead."
    ),
) -> None:
    """Adapters for `adfair evaluate ADAPTER:PATH`: what file each wants, where its authors put it, licence, training data.

    Example: `adfair models`, then `adfair evaluate chexzero:best.pt --data COHORT --out runs/chexzero`
    """
    from adfair.models.adapters import page

    if update is not None:
        page.update(update)
        typer.echo(f"table of adapters written into {update}")
        return
    typer.echo(page.markdown() if markdown else page.plain())
