"""Commands about cohorts: ``synth``, ``import``, ``check`` and ``prepare``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from adfair.cli.tables import print_cohort, print_list, print_table
from adfair.errors import ConfigError

if TYPE_CHECKING:
    pass


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("synth")(synth)
    app.command("import")(import_)
    app.command("check")(check)
    app.command("prepare")(prepare)


def synth(
    out: Path | None = typer.Option(None, help="Folder of the new cohort."),
    preset: str = typer.Option("default", help="Which population; 'list' names them."),
    seed: int = typer.Option(0, min=0, help="Same seed, same bytes."),
    n_train: int | None = typer.Option(None, min=1, help="Training images; the preset's number by default."),
    ceiling: bool = typer.Option(False, "--ceiling", help="The same population, training data without bias."),
    mention: float | None = typer.Option(
        None, min=0, max=1, help="Share of reports that name age, race and sex; the preset's by default."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a cohort that is there."),
) -> None:
    """Make a synthetic cohort whose biases are known.

    Example: `adfair synth --out runs/cohort --preset default --seed 0`
    """
    from adfair.data import synthetic

    if preset == "list":
        print_list({name: each.summary for name, each in synthetic.PRESETS.items()})
        return
    folder = _required(out)
    with _busy("drawing images"):
        synthetic.synth(
            folder,
            preset=preset,
            seed=seed,
            ceiling=ceiling,
            mention=mention,
            force=force,
            **({} if n_train is None else {"n_train": n_train}),
        )
    typer.echo(f"cohort written to {folder}")


def import_(
    reader: str = typer.Argument(..., help="Kind of source; 'list' names them."),
    source: list[Path] = typer.Argument(None, help="Files or folders, as the reader wants them."),
    out: Path | None = typer.Option(None, help="Folder of the new cohort."),
    mapping: Path | None = typer.Option(None, help="YAML file that maps columns (reader 'table')."),
    set_: list[str] = typer.Option(
        [], "--set", help="KEY=VALUE of the other readers, for example views=all; may be repeated."
    ),
    copy: bool = typer.Option(
        False, "--copy", help="Copy the images into the cohort instead of pointing at them."
    ),
    seed: int = typer.Option(0, min=0, help="Of the split by patient, where the source has none."),
    force: bool = typer.Option(False, "--force", help="Replace a cohort that is there."),
) -> None:
    """Turn a real data set into a cohort and report how its values were mapped.

    Example: `adfair import table data.csv --mapping mapping.yaml --out runs/cohort`
    or `adfair import mimic-cxr-jpg JPG REPORTS.zip MIMIC-IV --set conflicting=first --out runs/mimic`
    """
    from adfair.data.flow import with_groups, write_flow
    from adfair.data.readers import READERS, get_reader

    if reader == "list":
        print_list({name: f"{each.summary}; SOURCE: {each.sources}" for name, each in READERS.items()})
        return
    read = get_reader(reader).read
    if not source:
        raise ConfigError(f"the reader '{reader}' needs SOURCE: {READERS[reader].sources}")
    folder = _required(out)
    with _progress("copying images", total=None) as advance:
        report = read(
            source,
            out=folder,
            mapping=mapping,
            options=set_,
            copy=copy,
            seed=seed,
            force=force,
            progress=advance,
        )
    flow = with_groups(report.flow, report.cohort.table, list(report.cohort.info.attributes))
    write_flow(folder, flow, title=report.cohort.info.name)
    print_table("Rows and patients left after each rule", report.flow)
    print_table("Raw texts and the groups they became", report.groups)
    for note in report.notes:
        typer.echo(f"note: {note}")
    print_cohort(report.cohort)
    typer.echo(
        f"cohort written to {folder} (exclusion flow: flow.svg); 'adfair check {folder}' decodes its images"
    )


def check(
    cohort: Path = typer.Argument(..., help="Cohort folder."),
    skip_images: bool = typer.Option(False, "--skip-images", help="Do not look for and decode the images."),
    accept: bool = typer.Option(
        False, "--accept", help="Take the manifest as it is now, if valid, for the cohort's own (new hash)."
    ),
) -> None:
    """Validate a cohort and say what it holds.

    Example: `adfair check runs/cohort`
    """
    from adfair.data import manifest, summary

    if accept:
        manifest.accept_manifest(manifest.read_cohort(cohort))
    loaded = manifest.load_cohort(cohort)
    if not skip_images:
        with _progress("decoding images", total=len(loaded.table)) as advance:
            dark = manifest.check_files(loaded, decode=True, progress=advance)
        _say_dark(dark, len(loaded.table))
    print_cohort(loaded)
    if loaded.has_reports:
        mentions = summary.count_mentions(loaded)
        print_table("Reports that name sex, race or age (data.scrub_demographics takes it out)", mentions)
    typer.echo(f"{cohort}: valid{' (images not looked at)' if skip_images else ''}")


def prepare(
    cohort: Path = typer.Argument(..., help="Cohort folder."),
    size: int = typer.Option(224, help="Side of the squares in pixels."),
    fit: str = typer.Option("crop", help="'crop' keeps the central square, 'pad' the whole film on black."),
    workers: int | None = typer.Option(None, min=1, help="Processes; one per processor by default."),
    max_bad: str = typer.Option("0%", help="Share of images that may be damaged; they are then left out."),
    format: str = typer.Option("memmap", help="'memmap': one file; 'webdataset': tar files of 1,000 images."),
    force: bool = typer.Option(False, "--force", help="Make it again where one is there."),
) -> None:
    """Decode every image once into a cache that training and evaluation read.

    Stopped or killed, the same command goes on where it was. On a finished cache it checks the hashes.

    Example: `adfair prepare runs/cohort --size 224 --max-bad 0.1%`
    """
    from adfair.data.manifest import load_cohort
    from adfair.workflows.prepare import prepare as make

    loaded, share = load_cohort(cohort), _share(max_bad)
    with _progress("decoding images", total=len(loaded.table)) as advance:
        made = make(
            loaded,
            size=size,
            fit=fit,  # type: ignore[arg-type]
            workers=workers,
            max_bad=share,
            format=format,  # type: ignore[arg-type]
            force=force,
            progress=advance,
        )
    if len(made.refused):
        shown = made.refused[["row", "refused"]]  # no ids: what is printed ends up in logs
        print_table("Images without pixels, left out of training and evaluation", shown)
    if made.unlisted:
        typer.echo(f"note: {made.unlisted:,} image files have no row in the manifest")
    _say_dark(made.dark, made.looked_at)
    done = "is whole: every image has its hash" if made.found else "written"
    typer.echo(f"{made.folder}: cache of {made.index.images:,} images {done}")


def _say_dark(dark: int, of: int) -> None:
    if dark:
        typer.echo(
            f"note: {dark:,} of {of:,} images stay below a quarter of the grey scale. Files of 16 bits that hold 12 are "
            "read so, with 17 grey levels left: stretch their values to 0-65535 and import them again"
        )


def _share(text: str) -> float:
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ConfigError(f"--max-bad '{text}': expected a share such as 0.1% or 0.001") from None


def _required(out: Path | None) -> Path:
    if out is None:
        raise ConfigError("--out COHORT is needed: the folder of the new cohort")
    return out


@contextmanager
def _progress(what: str, *, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as display:
        task = display.add_task(what, total=total)
        yield lambda done: display.advance(task, done)


@contextmanager
def _busy(what: str) -> Iterator[None]:
    with _progress(what, total=None):
        yield
