"""Commands that correct the embeddings of a finished model: ``erase`` and ``adapt``."""

from pathlib import Path
from typing import Annotated

import typer

from adfair.cli.names import listed

Model = Annotated[Path, typer.Argument(help="A run folder, or an open_clip model folder.")]
Data = Annotated[Path, typer.Option(help="Cohort folder; its split 'train' is fitted on.")]
Out = Annotated[Path, typer.Option(help="Folder of the corrected model; evaluate it like a run.")]
Attributes = Annotated[
    str, typer.Option(help="Which to hide, comma separated; all of the cohort when absent.")
]
KeepFindings = Annotated[
    bool, typer.Option(help="Weigh rows so that the findings a group has more of are not hidden with it.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a corrected model that is there.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("erase")(erase)
    app.command("adapt")(adapt)


def erase(
    model: Model,
    data: Data,
    out: Out,
    method: Annotated[str, typer.Option(help="leace, inlp or prompts.")] = "leace",
    attributes: Attributes = "",
    keep_findings: KeepFindings = True,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="With prompts: also even out prompts that name a finding.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the division of patients.")] = 0,
    force: Force = False,
) -> None:
    """Hide groups in a model's image embeddings by an affine map, in seconds; the towers stay as they are.

    Example: `adfair erase runs/demo/clip --data runs/demo/cohort --method leace --attributes race,sex --out runs/leace`
    """
    from adfair.cli.model import need_training

    need_training()
    from rich.console import Console

    from adfair.workflows.posthoc import erase as run

    with Console(stderr=True).status("erasing"):
        folder = run(
            model,
            data=data,
            method=method,
            attributes=listed(attributes),
            keep_findings=keep_findings,
            calibrate=calibrate,
            out=out,
            seed=seed,
            force=force,
        )
    _show(folder, data)


def adapt(
    model: Model,
    data: Data,
    out: Out,
    attributes: Attributes = "",
    weight: Annotated[
        float | None, typer.Option(min=0.0, help="Of the adversaries: more hides more and costs more. [8]")
    ] = None,
    keep_findings: KeepFindings = True,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights, the batches and the patients.")] = 0,
    force: Force = False,
) -> None:
    """Hide groups in a model's image embeddings by a small network trained against adversaries, in a minute.

    Example: `adfair adapt runs/demo/clip --data runs/demo/cohort --attributes race,sex --out runs/adapted`
    """
    from adfair.cli.model import need_training
    from adfair.cli.progress import bars

    need_training()
    from adfair.workflows.posthoc import adapt as run

    with bars() as progress:
        folder = run(
            model,
            data=data,
            attributes=listed(attributes),
            weight=weight,
            keep_findings=keep_findings,
            out=out,
            seed=seed,
            force=force,
            progress=progress,
        )
    _show(folder, data)


def _show(folder: Path, data: Path) -> None:
    import pandas as pd
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from adfair.workflows.posthoc import TABLE

    shown = Table(
        title="Before and after, on patients the correction was not fitted on", title_justify="left"
    )
    for name in ("metric", "attribute", "before", "after", "n", "note"):
        shown.add_column(name, overflow="fold")
    for row in pd.read_csv(folder / TABLE, dtype=str, keep_default_na=False).to_dict("records"):
        figures = [f"{float(row[when]):.3f}" if row[when] else "" for when in ("before", "after")]
        shown.add_row(row["metric"], escape(row["attribute"]), *figures, row["n"], row["note"])
    Console(width=None if Console().is_terminal else 120).print(shown)
    typer.echo(
        "these splits are biased as the training data are: findings may tell the group, so that leakage stays "
        "above .5,\nand an AUC that drew on the group falls; a balanced test set says what was lost\n"
        f"written to {folder}; evaluate it with: adfair evaluate {folder} --data {data} --protocol all --out {folder}-test"
    )
