"""Commands that hand a model on: ``export`` and ``card``."""

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(help="A run folder, or an open_clip model folder.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("export")(export)
    app.command("card")(card)


def export(
    run: Run,
    format: Annotated[str, typer.Option(help="onnx or transformers.")],
    out: Annotated[Path, typer.Option(help="Folder of the exported model.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an export that is there.")] = False,
) -> None:
    """Write a model for other software: ONNX towers, or a folder for transformers' CLIPModel.

    Example: `adfair export runs/demo/adfair --format onnx --out runs/adfair-onnx`
    """
    from adfair.cli.model import need_training

    need_training()
    import json

    from adfair.workflows.export import RECORD
    from adfair.workflows.export import export as write

    folder = write(run, format=format, out=out, force=force)
    found = json.loads((folder / RECORD).read_text(encoding="utf-8"))["largest_difference"]
    typer.echo(f"written to {folder}; embeddings differ from the model's by at most {found:.1e}")


def card(
    run: Run,
    evaluation: Annotated[Path, typer.Option(help="Folder that 'adfair evaluate' wrote for this model.")],
) -> None:
    """Put the figures of an evaluation into the model card, model/README.md.

    Example: `adfair card runs/adfair --evaluation runs/adfair-test`
    """
    from adfair.cli.model import need_training

    need_training()
    from adfair.workflows.card import card as write

    typer.echo(f"model card: {write(run, evaluation=evaluation)}")
