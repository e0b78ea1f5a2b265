"""``adfair evaluate`` and ``adfair transfer``: a model on one cohort, or carried from one to another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from adfair.workflows.protocol_rows import Protocol

Model = Annotated[
    Path, typer.Argument(help="A run folder, an open_clip folder, or ADAPTER:PATH; see 'adfair models'.")
]
Split = Annotated[str, typer.Option(help="Split to evaluate.")]
Asked = Annotated[
    str,
    typer.Option(
        help="zero_shot, linear_probe, leakage, few_shot, retrieval, embeddings (commas between), or all: the first "
        "three."
    ),
]
Prompts = Annotated[
    str,
    typer.Option(
        help="How zero_shot asks: ours, chexzero, gloria, medclip, cxr_clip, biovil (commas between), all; by default "
        "as the model's authors do."
    ),
]
Validation = Annotated[str, typer.Option(help="Split that thresholds are chosen on; '' for none (0.5).")]
Threshold = Annotated[
    str,
    typer.Option(
        show_default="youden",
        help="youden, f1, sensitivity=.9 or specificity=.9 on the validation split; or given: a number, or FILE.csv "
        "(finding, threshold; or metrics.csv of an evaluation).",
    ),
]
Calibrate = Annotated[
    str, typer.Option(help="Probabilities from the validation split: none (raw scores), sigmoid or isotonic.")
]
Probe = Annotated[str, typer.Option(help="Balanced split that leakage probes are trained on.")]
LayerName = Annotated[str, typer.Option(help="What leakage probes read: embedding or pre_projection.")]
SamplingName = Annotated[str, typer.Option(help="How few_shot draws images: random or group_balanced.")]
Draws = Annotated[int, typer.Option(min=1, help="How often few_shot draws them.")]
PrecisionName = Annotated[
    str,
    typer.Option(help="Of the image tower: fp32, bf16, or auto (bf16 for large towers where it is quicker)."),
]
Cache = Annotated[
    bool, typer.Option(help="Keep embeddings in $ADFAIR_CACHE or ~/.cache/adfair, for the next evaluation.")
]
Replicates = Annotated[int, typer.Option(min=0, help="Bootstrap resamples of patients.")]
Seed = Annotated[int, typer.Option(min=0, help="Of resampling, few-shot draws and probes.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an evaluation that is there.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("evaluate")(evaluate)
    app.command("transfer")(transfer)
    app.command("leaderboard")(leaderboard)


def evaluate(
    context: typer.Context,
    model: Model,
    data: Annotated[Path, typer.Option(help="Cohort folder.")],
    out: Annotated[Path, typer.Option(help="Folder for predictions.csv, embeddings.npz and metrics.csv.")],
    split: Split = "test",
    protocol: Asked = "zero_shot",
    prompts: Prompts = "",
    validation: Validation = "val",
    threshold: Threshold = "",
    calibrate: Calibrate = "none",
    probe: Probe = "probe",
    layer: LayerName = "embedding",
    sampling: SamplingName = "random",
    draws: Draws = 5,
    precision: PrecisionName = "fp32",
    cache: Cache = True,
    replicates: Replicates = 1000,
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Evaluate a model on a cohort and audit its predictions.

    Example: `adfair evaluate runs/demo/adfair --data runs/demo/cohort --split test --protocol all --out runs/e1`
    """
    from adfair.cli.model import need_training

    need_training()
    from adfair.workflows.evaluate import TABLES
    from adfair.workflows.evaluate import evaluate as run

    how, shared = _how(context.params), _shared(context.params)
    folder = run(
        model, data=data, split=split, protocol=protocol, prompts=prompts, out=out, how=how, **shared
    )
    written = [name for name in TABLES if (folder / name).is_file()]
    typer.echo(f"{', '.join(written)} written to {folder}")
    if len(written) < len(TABLES):
        typer.echo(
            "note: no predictions.csv, since the model has neither a text tower nor scores of these findings"
        )
    _say_notes(folder / "evaluation.json")


def transfer(
    context: typer.Context,
    model: Model,
    data: Annotated[
        Path, typer.Option(help="Cohort that the model comes from; thresholds are chosen on it.")
    ],
    to: Annotated[Path, typer.Option(help="Cohort that it is carried to.")],
    map_: Annotated[
        Path, typer.Option("--map", help="YAML: finding of --data -> finding of --to, or a list of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for transfer.csv and both evaluations.")],
    split: Split = "test",
    to_split: Annotated[str, typer.Option(help="Split of --to to evaluate.")] = "test",
    protocol: Annotated[str, typer.Option(help="zero_shot, or linear_probe taught on --data.")] = "zero_shot",
    paired: Annotated[
        bool, typer.Option("--paired", help="Both hold the same images, so resample them together.")
    ] = False,
    prompts: Annotated[str, typer.Option(help="As in adfair evaluate; one of them.")] = "",
    validation: Validation = "val",
    threshold: Threshold = "",
    calibrate: Calibrate = "none",
    precision: PrecisionName = "fp32",
    cache: Cache = True,
    replicates: Replicates = 1000,
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Evaluate a model in and out of its domain, and how every gap changes, with thresholds carried over.

    Example: `adfair transfer runs/adfair --data runs/mimic --to runs/nih --map findings.yaml --out runs/to-nih`
    """
    from adfair.cli.model import need_training

    need_training()
    from adfair.workflows.transfer import transfer as run

    how, shared = _how(context.params), _shared(context.params)
    found = run(
        model,
        data=data,
        to=to,
        finding_map=map_,
        out=out,
        protocol=protocol,
        prompts=prompts,
        paired=paired,
        how=how,
        split=split,
        to_split=to_split,
        **shared,
    )
    for line in found:
        typer.echo(line)
    typer.echo(f"transfer.csv, in_domain/ and out_of_domain/ written to {out}")


def leaderboard(
    folders: Annotated[list[Path], typer.Argument(help="Folders that adfair evaluate has written.")],
    out: Annotated[Path, typer.Option(help="Folder for leaderboard.csv, .md and .tex.")],
    force: Force = False,
) -> None:
    """Put several models, cohorts and ways of asking into one table, gaps beside what chance alone would show.

    Example: `adfair leaderboard runs/clip-test runs/adfair-test --out runs/leaderboard`
    """
    from adfair.data.staging import require_absent
    from adfair.reporting.leaderboard import leaderboard as run
    from adfair.reporting.leaderboard import write_leaderboard

    require_absent(out / "leaderboard.csv", force=force)
    write_leaderboard(run(folders), out)
    typer.echo((out / "leaderboard.md").read_text(encoding="utf-8").rstrip())
    typer.echo(f"written to {out}")


def _how(params: dict[str, Any]) -> "Protocol":
    from adfair.evaluation.calibration import as_method
    from adfair.evaluation.few_shot import as_sampling
    from adfair.models.layers import as_layer
    from adfair.workflows.protocol_rows import Protocol, require_split

    validation, rule = params["validation"] or None, params["threshold"]
    if rule:
        # Also where it is the rule that stands without being asked for: who asks for it must get it.
        require_split(rule, validation)
    return Protocol(
        validation=validation,
        threshold=rule or Protocol.threshold,
        probe=params.get("probe", "probe"),
        layer=as_layer(params.get("layer", "embedding")),
        replicates=params["replicates"],
        seed=params["seed"],
        calibrate=as_method(params["calibrate"]),
        sampling=as_sampling(params.get("sampling", "random")),
        draws=params.get("draws", 1),
    )


def _shared(params: dict[str, Any]) -> dict[str, Any]:
    from adfair.evaluation.embedding_cache import default_folder
    from adfair.evaluation.precision import as_precision

    return {
        "precision": as_precision(params["precision"]),
        "cache": default_folder() if params["cache"] else None,
        "force": params["force"],
    }


def _say_notes(record: Path) -> None:
    """A model that was trained on the cohort's source must not pass unseen."""
    import json

    facts = json.loads(record.read_text(encoding="utf-8"))
    if facts.get("warning"):
        typer.echo(f"warning: {facts['warning']}", err=True)
    for note in facts["notes"]:
        typer.echo(f"note: {note}", err=True)
