"""``adfair diagnose``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from adfair.cli.names import listed
from adfair.cli.tables import print_table

if TYPE_CHECKING:
    import pandas as pd

    from adfair.auditing.diagnosis import Diagnosis

RECORD = "diagnosis.json"
TITLES = {
    "dependence": "What the findings in the reports tell about the group (nats, held-out patients; share of the entropy)",
    "naming": "Share of reports that name sex, race or age",
    "sizes": "Patients, and how many each group needs to find a gap of .05 (power .8, AUC .85)",
    "reporting": "Reports by group, clear differences",
    "splits": "Splits, and the share of each group among images of known group",
    "images": "Images by group, visible differences (standard deviations)",
}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("diagnose")(diagnose)


def diagnose(
    cohort: Path = typer.Argument(..., help="Cohort folder."),
    out: Path | None = typer.Option(None, help="Folder for diagnosis.json."),
    attributes: str = typer.Option("", help="Sensitive attributes, commas between them; all by default."),
    split: str = typer.Option("train", help="The split that training would use."),
    skip_images: bool = typer.Option(False, "--skip-images", help="Look at the table alone."),
    seed: int = typer.Option(0, min=0, help="Of folds and of the images that are drawn."),
    force: bool = typer.Option(False, "--force", help="Replace a diagnosis that is there."),
) -> None:
    """Say which biases a cohort holds, and which remedy and weight follow.

    Example: `adfair diagnose runs/demo/cohort --out runs/diagnosis`
    """
    from adfair.auditing.diagnosis import diagnose as find
    from adfair.data.staging import replace_file, require_absent

    if out is not None:
        require_absent(out / RECORD, force=force)
    found = find(cohort, attributes=listed(attributes), split=split, images=not skip_images, seed=seed)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        replace_file(out / RECORD, (json.dumps(found.record(), indent=2, allow_nan=False) + "\n").encode())
    _print(found)
    if out is not None:
        typer.echo(f"all figures: {out / RECORD}")


def _print(found: "Diagnosis") -> None:

    for name, table in found.tables.items():
        shown = _clear(name, table)
        if len(shown):
            print_table(TITLES[name], shown.map(_short))
        else:
            typer.echo(f"{TITLES[name]}: none")
    for note in found.notes:
        typer.echo(f"note: {note}")
    typer.echo("Signs of bias:" if found.signs else f"Signs of bias: {found.conclusion}.")
    for sign in found.signs:
        typer.echo(f"  {sign}.")
    typer.echo("Recommended (objective.fairness: auto):")
    for reason in found.policy.reasons:
        typer.echo(f"  {reason}")


def _clear(name: str, table: "pd.DataFrame") -> "pd.DataFrame":
    """What is worth a line on a screen; the record keeps everything."""
    from adfair.auditing.diagnosis import SIGNIFICANT, visible

    if name == "reporting":
        table = table[table["p_adjusted"] < SIGNIFICANT]
    if name == "images":
        table = visible(table)
    return table.drop(
        columns=["note", "p_value", "standard_error"] if name in ("reporting", "images") else []
    )


def _short(cell: object) -> object:
    if cell is None or cell != cell:
        return "undefined"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.3g}" if isinstance(cell, float) else cell
