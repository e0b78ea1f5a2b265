"""``adfair audit`` and ``adfair compare``: read tables, call the audit, print and save."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adfair.cli.names import listed
from adfair.errors import ConfigError, DataError

if TYPE_CHECKING:
    from adfair.auditing import Audit

Attributes = Annotated[str, typer.Option(help="Columns to audit, comma separated; recognised when absent.")]
Threshold = Annotated[
    str,
    typer.Option(
        help="A number, youden, f1, sensitivity=.9, specificity=.9 or FILE.csv (finding, threshold)."
    ),
]
InSample = Annotated[
    bool, typer.Option(help="Choose thresholds on the evaluated rows; every output says so.")
]
Replicates = Annotated[int, typer.Option(help="Bootstrap resamples of patients.")]
Level = Annotated[float, typer.Option(help="Level of the intervals.")]
Seed = Annotated[int, typer.Option(help="Seed of the resampling.")]
Bins = Annotated[
    list[str] | None, typer.Option(help="Edges of a numeric attribute: age=40,60,80. Repeatable.")
]
Adjust = Annotated[str, typer.Option(help="Adjustment of p-values: holm, bh or none.")]
Force = Annotated[bool, typer.Option(help="Overwrite a finished result.")]


def register(app: typer.Typer) -> None:
    """Add the audit commands to the application."""
    app.command("audit")(audit_command)
    app.command("compare")(compare_command)


def audit_command(
    context: typer.Context,
    table: Annotated[Path, typer.Argument(help="Predictions: CSV or Parquet, long, single-task or wide.")],
    attributes: Attributes = "",
    threshold: Threshold = "",
    validation: Annotated[Path | None, typer.Option(help="Predictions to choose thresholds on.")] = None,
    in_sample: InSample = False,
    replicates: Replicates = 2000,
    permutations: Annotated[int, typer.Option(help="For the chance level of gaps; -1: up to 1,000.")] = -1,
    interval: Annotated[str, typer.Option(help="auto, percentile, bca or delong.")] = "auto",
    stratified: Annotated[bool, typer.Option(help="Resample patients within their groups.")] = False,
    level: Level = 0.95,
    intersections: Annotated[bool, typer.Option(help="Also audit pairs of attributes.")] = False,
    strata: Annotated[str, typer.Option(help="Columns to give AUCs within: view,site.")] = "",
    bins: Bins = None,
    aggregate: Annotated[str, typer.Option(help="Pool images by max or mean.")] = "",
    aggregate_to: Annotated[str, typer.Option(help="patient or study.")] = "patient",
    min_group: Annotated[int, typer.Option(help="Patients below which a group is marked as small.")] = 10,
    suppress_small: Annotated[bool, typer.Option(help="Blank small groups, for publication.")] = False,
    adjust: Adjust = "holm",
    ece_binning: Annotated[str, typer.Option(help="Calibration bins: width or mass.")] = "width",
    power: Annotated[bool, typer.Option(help="Also say which difference could be detected.")] = False,
    fail_if: Annotated[list[str] | None, typer.Option(help="Exit 4 when this holds. Repeatable.")] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for metrics.csv, calibration.csv, audit.json, .md and .tex.")
    ] = None,
    force: Force = False,
) -> None:
    """Audit a predictions table for fairness; no torch needed.

    Example: `adfair audit predictions.csv --attributes race,sex --validation val.csv --out audit`

    In CI: `adfair audit predictions.csv --fail-if "equalized_odds_difference[race] > .1"`
    """
    from adfair.auditing import audit
    from adfair.auditing.conditions import parse_condition

    conditions = [parse_condition(text) for text in fail_if or []]
    _refuse_unused(threshold, in_sample=in_sample, validation=validation is not None)
    if _asked(context, "aggregate_to") and not aggregate:
        raise ConfigError(
            "--aggregate-to says what images are pooled to: say how too, with --aggregate max or mean"
        )
    _refuse_finished(out, "metrics.csv", force)
    options = _options(context.params)
    options |= {"permutations": None if permutations < 0 else permutations, "aggregate": aggregate or None}
    options |= {"strata": listed(strata)}
    with _progress("auditing"):
        result = audit(table, validation=validation, **options)
    saved = None if out is None else _saved(result, out)  # first, so that a closed pipe loses no result
    _show(result, power=power)
    if saved is not None:
        typer.echo(f"written to {saved}")
    _fail(result, conditions)


def compare_command(
    context: typer.Context,
    tables: Annotated[list[Path], typer.Argument(help="Two or more result folders or predictions tables.")],
    attributes: Attributes = "",
    threshold: Threshold = "",
    validation: Annotated[
        list[Path] | None, typer.Option(help="Predictions to choose thresholds on, one a model, same order.")
    ] = None,
    in_sample: InSample = False,
    replicates: Replicates = 2000,
    level: Level = 0.95,
    bins: Bins = None,
    adjust: Adjust = "holm",
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for comparison.csv and comparison.md.")] = None,
    force: Force = False,
) -> None:
    """Compare models on the same images: paired differences of every metric and gap, and a verdict.

    Example: `adfair compare runs/demo/clip runs/demo/adfair --attributes race,sex --out comparison`
    """
    from adfair.auditing import compare
    from adfair.auditing.comparison import named_tables

    _refuse_unused(threshold, in_sample=in_sample, validation=bool(validation), tables=tables)
    _refuse_finished(out, "comparison.csv", force)
    named = named_tables(tables)
    if validation and len(validation) != len(named):
        raise ConfigError(f"--validation was given {len(validation)} times for {len(named)} models")
    with _progress("comparing"):
        chosen = dict(zip(named, validation, strict=True)) if validation else None
        result = compare(named, validation=chosen, **_options(context.params))
    saved = None if out is None else _saved(result, out)
    for sentence in [*result.verdicts, *(f"note: {note}" for note in result.notes)]:
        typer.echo(sentence)
    if saved is not None:
        typer.echo(f"written to {saved}")


_LABELS = {"--in-sample": "labels of the evaluated rows", "--validation": "validation table"}
_PASSED = (
    *("in_sample", "replicates", "interval", "stratified", "level", "intersections"),
    *("aggregate_to", "min_group", "suppress_small", "ece_binning", "seed"),
)


def _options(params: dict[str, Any]) -> dict[str, Any]:
    """The command's parameters under the names and in the types of the Python functions."""
    from adfair.auditing.attributes import parse_bins

    options = {name: params[name] for name in _PASSED if name in params}
    return {
        **options,
        "attributes": listed(params["attributes"]) or None,
        "threshold": params["threshold"] or None,
        "bins": parse_bins(params["bins"] or []),
        "adjustment": params["adjust"],
    }


def _refuse_unused(threshold: str, *, in_sample: bool, validation: bool, tables: Sequence[Path] = ()) -> None:
    """Refuse labels to choose thresholds on where the thresholds are given, since they would not be looked at."""
    from adfair.metrics.thresholds import is_given

    unused = [name for name, asked in (("--in-sample", in_sample), ("--validation", validation)) if asked]
    if not unused:
        return
    if threshold and is_given(threshold):
        raise ConfigError(f"threshold {threshold} needs no {_LABELS[unused[0]]}: leave one of them out")
    held = [table / "metrics.csv" for table in tables if (table / "metrics.csv").is_file()]
    if held and not threshold:
        raise ConfigError(
            f"{held[0]} gives thresholds, which need no {_LABELS[unused[0]]}: leave out {unused[0]}, or name a rule "
            "with --threshold"
        )


def _asked(context: typer.Context, name: str) -> bool:
    """Whether an option was given, be it with the value that it has by default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _refuse_finished(out: Path | None, name: str, force: bool) -> None:
    from adfair.data.staging import require_absent

    if out is not None:
        require_absent(out / name, force=force)


def _saved(result: Any, out: Path) -> Path:
    try:
        return result.save(out)
    except OSError as error:
        raise DataError.at(
            f"cannot be written ({error.strerror})", file=out, remedy="Choose another --out."
        ) from None


def _progress(what: str) -> Any:
    from rich.console import Console

    # Rich draws the spinner on a terminal only; elsewhere this prints nothing.
    return Console(stderr=True).status(what)


def _show(result: "Audit", *, power: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from adfair.auditing.documents import gap_grid, group_grid, headline, power_grid

    for line in [*headline(result), *(f"note: {note}" for note in result.notes)]:
        typer.echo(line)
    console = Console(width=None if Console().is_terminal else 200)
    grids = [
        ("By group, mean over findings", group_grid(result)),
        ("Gaps, mean over findings", gap_grid(result)),
    ]
    if power:
        grids.append(("Detectable with power .8, mean over findings", power_grid(result)))
    for title, (header, lines) in grids:
        shown = Table(title=title, title_justify="left")
        for name in header:
            shown.add_column(name, overflow="fold")
        for cells in lines:
            shown.add_row(*(cell.replace("[", "\\[") for cell in cells))
        console.print(shown)


def _fail(result: "Audit", conditions: list[Any]) -> None:
    from adfair.auditing.conditions import held

    reasons = [reason for condition in conditions if (reason := held(condition, result))]
    for reason in reasons:
        typer.echo(f"failed: {reason}", err=True)
    if reasons:
        raise typer.Exit(4)
