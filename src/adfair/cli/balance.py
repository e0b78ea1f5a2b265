"""The commands ``balance`` and ``merge``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from adfair.cli.names import listed
from adfair.cli.tables import print_cohort, print_list, print_table
from adfair.errors import ConfigError

if TYPE_CHECKING:
    from adfair.data.balance import Balanced


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("balance")(balance)
    app.command("merge")(merge)


def balance(
    cohort: str = typer.Argument(..., help="Cohort to draw from; 'list' names the presets."),
    out: Path | None = typer.Option(None, help="Folder of the balanced cohort."),
    findings: str | None = typer.Option(None, help="Findings, with commas; five of CheXpert by default."),
    attributes: str | None = typer.Option(
        None, help="Default race,sex; race=Asian+Black,sex names groups; none."
    ),
    per_cell: int | None = typer.Option(None, min=1, help="Images a cell (default 15)."),
    seed: int | None = typer.Option(None, min=0, help="Same seed, same images (default 0)."),
    allow_short: bool = typer.Option(
        False, "--allow-short", help="Take what there is where a cell has too few."
    ),
    match: str | None = typer.Option(
        None, help="Make age, view or age,view alike in the groups of a finding."
    ),
    rule: str | None = typer.Option(None, help="Who qualifies: gloria (default) or medclip."),
    preset: str | None = typer.Option(None, help="A published design, under the other options."),
    from_list: Path | None = typer.Option(None, help="CSV of image_id: take these and check their hash."),
    sha256: str | None = typer.Option(
        None, help="Hash of --from-list where no certificate.json is beside it."
    ),
    no_register: bool = typer.Option(
        False, "--no-register", help="Do not name the patients in COHORT's cohort.yaml."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a cohort that is there."),
) -> None:
    """Draw a balanced test set, its certificate, and the patients to keep out of training.

    Example: `adfair balance runs/cohort --out runs/cohort-5x90 --match age`
    """
    from adfair.data import balance as work
    from adfair.data.balance_design import make_design
    from adfair.data.balance_rules import PRESETS, get_preset
    from adfair.data.manifest import read_cohort

    if cohort == "list":
        print_list({name: each.summary for name, each in PRESETS.items()})
        return
    if out is None:
        raise ConfigError("--out COHORT is needed: the folder of the balanced cohort")
    base = get_preset(preset or "fcxp-5x90")
    groups = base.attributes if attributes is None else [n for n in listed(attributes) if n != "none"]
    design = make_design(
        read_cohort(cohort),
        findings=listed(findings) or base.findings,
        attributes=groups,
        per_cell=per_cell or base.per_cell,
        match=tuple(listed(match)),
        rule=rule or base.rule,
        one_a_patient=base.one_a_patient,
        seed=seed if seed is not None else base.seed or 0,
    )
    options: dict[str, Any] = {
        "from_list": from_list,
        "sha256": sha256,
        "allow_short": allow_short,
        "force": force,
    }
    _show(work.balance(cohort, out=out, design=design, register=not no_register, **options), out)


def _show(result: "Balanced", out: Path) -> None:

    print_table(
        "Images and patients left after each rule", result.flow[["rule", "dropped", "images", "patients"]]
    )
    if len(result.short):
        print_table("Cells that are short", result.short)
    for note in result.notes:
        typer.echo(f"note: {note}")
    made = result.certificate
    typer.echo(f"{made['images']:,} images of {made['patients']:,} patients, list {made['list_sha256'][:12]}")
    typer.echo(f"balanced cohort written to {out}; {out}/certificate.md says what it is")


def merge(
    cohorts: list[Path] = typer.Argument(..., help="Two or more cohorts with different names."),
    out: Path | None = typer.Option(None, help="Folder of the new cohort."),
    common: bool = typer.Option(
        False, "--common", help="Keep only findings and attributes that all of them have."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a cohort that is there."),
) -> None:
    """Make one cohort of several, to train on all of them.

    Example: `adfair merge runs/chexpert runs/mimic --common --out runs/both`
    """
    from adfair.data import merge as work

    if out is None:
        raise ConfigError("--out COHORT is needed: the folder of the merged cohort")
    found = work.merge(
        cohorts, out=out, common=common, force=force, note=lambda said: typer.echo(f"note: {said}")
    )
    print_cohort(found)
    typer.echo(f"merged cohort written to {out}")
