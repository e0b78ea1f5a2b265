"""Commands about models: ``demo``, ``train`` and ``report``."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from adfair.cli.progress import Show, bars, last_leakage, leakage_note, summary, warnings_in, with_leakage

if TYPE_CHECKING:
    from adfair.config import Config
    from adfair.training.board import Board


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("demo")(demo)
    app.command("train")(train)
    app.command("report")(report)


def demo(
    out: Path = typer.Option(Path("runs/demo"), help="Folder of the demonstration."),
    seed: int = typer.Option(0, min=0, help="Of the cohort, the weights and every draw."),
    quick: bool = typer.Option(False, "--quick", help="A smoke run of seconds; its figures mean nothing."),
    preset: str = typer.Option(
        "default", help="Synthetic population; 'adfair synth --preset list' names them."
    ),
    ceiling: bool = typer.Option(False, "--ceiling", help="Train on data without bias."),
    force: bool = typer.Option(False, "--force", help="Replace a demonstration that is there."),
) -> None:
    """Synthetic cohort, plain CLIP and three remedies, evaluation, comparison and a report, in minutes on a CPU.

    Example: `adfair demo --out runs/demo --seed 0`
    """
    need_training()
    from rich.console import Console

    from adfair.reporting.sources import read_table
    from adfair.reporting.terminal import comparison_table
    from adfair.workflows.demo import demo as run

    with bars() as show:
        progress = with_leakage(show, lambda stage: out / stage / "log.jsonl")
        page = run(
            out, seed=seed, quick=quick, preset=preset, ceiling=ceiling, force=force, progress=progress
        )
    Console(width=None if Console().is_terminal else 160).print(
        comparison_table(read_table(out / "comparison.csv"))
    )
    typer.echo("What objective.fairness: auto found in the cohort, and took:")
    for reason in json.loads((out / "auto" / "environment.json").read_text())["policy"]["reasons"]:
        typer.echo(f"  {reason}")
    summary({}, title="Where to look", links={"all figures": out / "comparison.csv", "report": page})


def train(
    config: Path = typer.Argument(..., help="YAML configuration."),
    set_: list[str] = typer.Option(
        [], "--set", help="KEY=VALUE, for example train.steps=500; may be repeated."
    ),
    out: Path = typer.Option(Path("runs/train"), help="Run folder."),
    seed: int | None = typer.Option(None, min=0, help="Instead of the configuration's seed."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Read and check everything, say what would be done."
    ),
    strict: bool = typer.Option(
        False, "--strict", help="A collapse or a fooled adversary ends with exit code 3."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a run that is there."),
    resume: bool = typer.Option(False, "--resume", help="Go on from the newest whole checkpoint, if any."),
    devices: int | None = typer.Option(None, min=1, help="Processes (GPUs) of each node."),
    nodes: int | None = typer.Option(None, min=1, help="Machines."),
    tensorboard: bool = typer.Option(
        False, "--tensorboard", help="Also write the log for TensorBoard, to RUN/tensorboard (extra 'track')."
    ),
) -> None:
    """Train one model. Ctrl-C and SIGTERM save it first (exit code 130); `--resume` goes on.

    Example: `adfair train examples/train.yaml --set objective.adversary_weight=1 --out runs/weight1`
    """
    from adfair.config import load_config

    named = {"seed": seed, "train.devices": devices, "train.nodes": nodes}
    overrides = [*set_, *(f"{key}={value}" for key, value in named.items() if value is not None)]
    settings = load_config(config, overrides)
    need_training()
    if dry_run:
        _say_plan(settings, out, force=force, resume=resume)
        return
    from adfair.distributed import rank
    from adfair.training import train as run

    with (
        bars() as progress,
        closing(_Shown(progress, settings.train.steps, _board(out, tensorboard))) as show,
    ):
        try:
            folder = run(
                settings,
                out=out,
                force=force,
                resume=resume,
                progress=show,
                say=_to_stderr,
                source=config,
            )
        except KeyboardInterrupt as stop:
            _to_stderr(str(stop) or "stopped")
            raise typer.Exit(130) from None
    if rank() == 0:
        warned = warnings_in(folder / "log.jsonl")  # also those from before a resumption
        _tell(folder, settings.data.cohort, warned)
        if strict and {"collapse", "fooled"} & set(warned):
            raise typer.Exit(3)


def _say_plan(settings: "Config", out: Path, *, force: bool, resume: bool) -> None:
    from adfair.training.plan import plan
    from adfair.training.run import outlook, require_one_way

    require_one_way(force=force, resume=resume)
    typer.echo(plan(settings))
    typer.echo(f"out       {out}: {outlook(out, force=force, resume=resume)}")


def _board(run: Path, wanted: bool) -> "Board | None":
    if not wanted:
        return None
    from adfair.training.board import Board

    return Board(run)


class _Shown:
    """Takes every logged entry of a run to the screen and, where there is one, to TensorBoard."""

    def __init__(self, progress: Show, steps: int, board: "Board | None") -> None:
        self.progress, self.steps, self.board = progress, steps, board

    def __call__(self, entry: dict) -> None:
        self.progress("training", (entry["step"] + 1) / self.steps, leakage_note(entry))
        if self.board is not None:
            self.board(entry)
        if "warning" in entry:
            _to_stderr(
                f"warning: {entry['warning']} at step {entry['step']}: {entry['reason']}. {entry['remedy']}"
            )

    def close(self) -> None:
        if self.board is not None:
            self.board.close()


def _tell(run: Path, cohort: Path, warned: list[str]) -> None:
    """How a run ended, and what comes next."""
    rows = {"warnings": ", ".join(warned)} if warned else {}
    if leakage := last_leakage(run / "log.jsonl"):
        rows["at the last validation"] = leakage
    summary(rows, title="Trained", links={"run written to": run, "model card": run / "model" / "README.md"})
    typer.echo(f"evaluate it with: adfair evaluate {run} --data {cohort} --out {run}-test")


def _to_stderr(message: str) -> None:
    typer.echo(message, err=True)


def report(
    folders: list[Path] = typer.Argument(..., help="Folders of demos, evaluations or audits."),
    out: Path = typer.Option(Path("report.html"), help="The page."),
    title: str | None = typer.Option(None, help="Its title."),
    images: Path | None = typer.Option(
        None, help="A cohort's folder: put images that were missed on the page. They may show patients."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a page that is there."),
) -> None:
    """Write one self-contained HTML page about results.

    Example: `adfair report runs/demo --out report.html`
    """
    from adfair.data.staging import require_absent
    from adfair.reporting import report as run

    require_absent(out, force=force)
    typer.echo(f"report: {run(folders, out=out, title=title, images=images)}")


def need_training() -> None:
    """Refuse where the extra that models need is not installed."""
    from importlib.util import find_spec

    from adfair.errors import MissingExtraError

    missing = [name for name in ("torch", "open_clip", "lightning_fabric") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"this command needs {', '.join(missing)}: pip install '.[train]' in the folder of the project"
        )
