"""What a long command shows while it works: bars on a terminal, plain lines elsewhere."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import typer


class Show(Protocol):
    """Called with a stage, the share of it that is done, and what is known of it by now."""

    def __call__(self, stage: str, share: float, note: str = "") -> None: ...


def leakage_note(entry: Mapping[str, Any]) -> str:
    """How well groups could be read at a validation, from its line of ``log.jsonl``; empty for other lines."""
    found = entry.get("validation", {}).get("leakage", {})
    figures = (f"{name} {'undefined' if math.isnan(auc) else f'{auc:.2f}'}" for name, auc in found.items())
    return "leakage " + ", ".join(figures) if found else ""


def last_leakage(log: Path) -> str:
    """The newest ``leakage_note`` of a run's log; empty where there is none yet."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
    for line in reversed(lines):
        # The last line may be half written: the run is going on.
        if '"validation"' in line and line.endswith("}") and (note := leakage_note(json.loads(line))):
            return note
    return ""


def warnings_in(log: Path) -> list[str]:
    """The kinds of warnings in the log of a run that has ended, each once, in order."""
    entries = (
        json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if '"warning"' in line
    )
    return list(dict.fromkeys(entry["warning"] for entry in entries if "warning" in entry))


@contextmanager
def bars() -> Iterator[Show]:
    """Progress bars with ETA on a terminal; one line a finished stage, or a new note, elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain()
        return
    columns = (
        TextColumn("{task.description:>9}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console) as shown:
        tasks: dict[str, Any] = {}

        def show(stage: str, share: float, note: str = "") -> None:
            if stage not in tasks:
                tasks[stage] = shown.add_task(stage, total=1.0, note="")
            shown.update(tasks[stage], completed=share, **({"note": note} if note else {}))  # type: ignore[arg-type]

        yield show


def _plain() -> Show:
    told: dict[str, str] = {}
    done: set[str] = set()

    def show(stage: str, share: float, note: str = "") -> None:
        if note and told.get(stage) != note:
            told[stage] = note
            typer.echo(f"{stage}: {share:.0%}, {note}", err=True)
        if share >= 1 and stage not in done:
            done.add(stage)
            typer.echo(f"{stage}: done", err=True)

    return show


def with_leakage(show: Show, log_of: Callable[[str], Path]) -> Callable[[str, float], None]:
    """A callback of stage and share that also shows what the log of the stage says of leakage."""
    return lambda stage, share: show(stage, share, last_leakage(log_of(stage)))


def summary(rows: Mapping[str, str], *, title: str, links: Mapping[str, Path]) -> None:
    """What came out, and where to click: a table on a terminal, ``name: value`` lines elsewhere.

    Args:
        rows: what -> value. links: what -> file or folder; a terminal that can makes it a link.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for name, value in {**rows, **{name: str(path) for name, path in links.items()}}.items():
            typer.echo(f"{name}: {value}")
        return
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in rows.items():
        table.add_row(Text(name), Text(value))
    for name, path in links.items():
        table.add_row(Text(name), Text(str(path), style=f"link {path.resolve().as_uri()}"))
    console.print(table)
