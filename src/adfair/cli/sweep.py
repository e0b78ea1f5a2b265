"""``sweep``: ablations over arms, cohorts and seeds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from adfair.cli.names import listed

if TYPE_CHECKING:
    from adfair.workflows.sweep import Sweep


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("sweep")(sweep)


def sweep(
    config: Path = typer.Argument(..., help="YAML configuration, with a section 'sweep' if it names arms."),
    axes: list[str] = typer.Argument(None, metavar="KEY=a,b,c", help="More axes of the grid."),
    grid: list[str] = typer.Option(
        [], "--grid", help="KEY=a,b,c; may be repeated. The arms are all combinations, instead of the file's."
    ),
    set_: list[str] = typer.Option([], "--set", help="KEY=VALUE for every arm; may be repeated."),
    seeds: str | None = typer.Option(None, help="Seeds, for example 0,1,2; of cohorts, weights and draws."),
    out: Path = typer.Option(Path("runs/sweep"), help="Folder of the sweep; one that was stopped goes on."),
    workers: int | None = typer.Option(None, min=1, help="Processes of one thread each.  [default: cores]"),
    baseline: str | None = typer.Option(None, help="Arm that the others are compared with."),
    test_sets: str | None = typer.Option(None, help="Splits, for example test,test_reversed."),
    figures: str | None = typer.Option(
        None, help="Columns: TESTSET:METRIC[:ATTRIBUTE], commas between them."
    ),
    replicates: int | None = typer.Option(None, min=0, help="Bootstrap resamples of an evaluation."),
    keep_models: bool = typer.Option(
        False,
        "--keep-models/--drop-models",
        help="Keep all weights, or only those that later arms start from; with --force also of finished runs.",
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Check everything and list the runs."),
    force: bool = typer.Option(False, "--force", help="Make finished runs with other settings again."),
) -> None:
    """Train and evaluate every arm with every seed; one table with means, spreads and paired differences.

    Exit code 1 when a run failed: the table then gives it as undefined, with the reason.

    Example: `adfair sweep examples/train.yaml --grid objective.adversary_weight=0,1.5 --seeds 0,1,2 --out runs/weight`
    """
    from adfair.cli.model import need_training
    from adfair.workflows.sweep_file import parse_axes

    options: dict[str, Any] = {
        "grid": parse_axes([*grid, *(axes or [])]),
        "seeds": _whole_numbers(seeds),
        "baseline": baseline,
        "test_sets": listed(test_sets) if test_sets else None,
        "figures": listed(figures) if figures else None,
        "replicates": replicates,
        "keep_models": keep_models,
        "overrides": set_,
    }
    need_training()
    from adfair.workflows.sweep import describe, plan_sweep
    from adfair.workflows.sweep import sweep as run

    if dry_run:
        typer.echo(describe(plan_sweep(config, out=out, **options), force=force))
        return
    with _bar() as progress:
        found = run(
            config,
            out=out,
            workers=workers,
            force=force,
            progress=progress,
            **options,
        )
    _print(found)


def _whole_numbers(text: str | None) -> list[int] | None:
    from adfair.errors import ConfigError

    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--seeds '{text}': expected whole numbers, for example 0,1,2") from None


def _print(found: "Sweep") -> None:
    from rich.console import Console

    from adfair.reporting.repeats import terminal

    console = Console(width=None if Console().is_terminal else 200)
    for shown in terminal(found.table):
        console.print(shown)
    typer.echo(f"table.csv, table.md, table.tex, results.csv and frontier.html written to {found.folder}")
    if found.failures:
        typer.echo(
            f"runs that failed: {len(found.failures)}; the next sweep there tries them again", err=True
        )
        raise typer.Exit(1)


@contextmanager
def _bar() -> Iterator[Callable[[str, float], None]]:
    """One bar with ETA on a terminal, and a line for every run that has ended there and elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Left
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda message, share: typer.echo(message, err=True) if message else None
        return
    # Runs end rarely, so the speed is judged over a long time.
    columns = (
        TextColumn("runs"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        Left(),
    )
    with Progress(*columns, console=console, speed_estimate_period=3600) as bars:
        task = bars.add_task("runs", total=1.0)

        def show(message: str, share: float) -> None:
            if message:
                bars.console.print(Text(message))
            bars.update(task, completed=share)

        yield show
