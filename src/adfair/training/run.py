"""``train``: a configuration in, a run folder out."""

import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from lightning_fabric import Fabric

from adfair.config import Config, load_config
from adfair.data.cache import leave_out_refused
from adfair.data.exclusion import without_excluded
from adfair.data.loader import TrainData
from adfair.data.manifest import Cohort, load_cohort
from adfair.data.staging import keep_inputs, staged_folder, sync_files
from adfair.data.summary import training_facts
from adfair.distributed import ending_together, exchange, rank, together
from adfair.errors import ConfigError, DataError
from adfair.models import dual_encoder
from adfair.models.batch_norm import globalise_batch_norm
from adfair.models.card import CARD_FILE, run_card
from adfair.models.dual_encoder import DualEncoder, save_model
from adfair.training.identity import identity, require_same
from adfair.training.inputs import train_data
from adfair.training.keeper import LOG_FILE, Keeper
from adfair.training.launch import launch
from adfair.training.loop import fit
from adfair.training.policy import resolve
from adfair.training.randomness import own_randomness
from adfair.training.selection import Selector, make_selector, resolve_rule, with_rule
from adfair.training.sharding import whole_state
from adfair.training.stopping import StopRequest
from adfair.training.towers import build_towers

CONFIG_FILE, ENVIRONMENT_FILE = "config.yaml", "environment.json"
_REMEDY = "Go on with it: --resume. Replace it: --force."
Progress = Callable[[dict[str, Any]], None]
PACKAGES = (
    "adfair-clip",
    "torch",
    "open_clip_torch",
    "lightning-fabric",
    "timm",
    "numpy",
    "pandas",
    "scikit-learn",
)


def environment() -> dict[str, Any]:
    """What a run depended on besides its cohort: versions and processor. No host name and no path."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "versions": versions,
    }


def _nothing(message: str) -> None:
    pass


def is_run(out: Path) -> bool:
    """Whether a folder holds a run, by the two files that each begins with: either name may be the user's."""
    return (out / CONFIG_FILE).is_file() and (out / ENVIRONMENT_FILE).is_file()


def require_one_way(*, force: bool, resume: bool) -> None:
    """Refuse both options at once. Raises ConfigError."""
    if force and resume:
        raise ConfigError("--force replaces a run and --resume goes on with it: choose one")


def train(
    config: Config | Path | str,
    *,
    out: Path | str,
    force: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] = _nothing,
    source: Path | None = None,
) -> Path:
    """Train one model, with other processes where ``train.devices``, ``train.nodes`` or torchrun ask for them.

    Args:
        config: a configuration, or a YAML file of one.
        out: the run folder: ``config.yaml``, ``environment.json``, ``log.jsonl``, ``checkpoints/``, ``model/``.
        force: replace an earlier run there; never a folder that holds what this one reads.
        resume: go on from the newest whole checkpoint there; a run that is not there is started, one that is
            finished is left as it is.
        progress: called with every logged step. say: called with what the user should know.
        source: the file that ``config`` was read from, where it is not itself a file.

    Returns:
        The run folder. Everything is read and checked before it is made.

    Raises:
        ConfigError, DataError: something in the configuration, the cohort or the checkpoints that the user can mend.
        TrainingError: a loss or gradient became non-finite, or nothing could be written; ``model/`` is not written.
        Stopped: SIGINT or SIGTERM during training; the last step is saved. It is a KeyboardInterrupt.
    """
    source = source if isinstance(config, Config) else Path(config)
    config = config if isinstance(config, Config) else load_config(config)
    require_one_way(force=force, resume=resume)
    with StopRequest() as stop:
        fabric, config, end_children = launch(config)
        with ending_together(end_children), own_randomness(config.seed, rank()):
            with together():
                job = _prepare(config, fabric, Path(out), resume=resume, say=say if rank() == 0 else _nothing)
            with together():
                unfinished = rank() > 0 or _claim(job, source, force=force)
            if all(exchange(unfinished)):
                with _log(job.keeper, progress) as note:
                    stop.graceful = True
                    _train(job, note, lambda: stop.made)
            else:
                job.keeper.say(f"{out}: this run is finished")
    return Path(out)


def outlook(out: Path, *, force: bool, resume: bool) -> str:
    """One line for a dry run: what training would do about what is at ``out``. Nothing is opened or changed."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return "nothing is there: a new run"
    if not is_run(out):
        return "exists and is not a run: it would be refused. Choose another --out."
    done = "a finished run" if (out / "model").is_dir() else "a run that was not finished"
    if force:
        return f"{done} is there and would be replaced, unless it holds what this one reads"
    if not resume:
        return f"{done} is there: it would be refused. {_REMEDY}"
    if (out / "model").is_dir():
        return f"{done} is there and would be left as it is, if it is this one"
    return f"{done} is there and would go on from its newest whole checkpoint, if it is this one"


@dataclass(frozen=True)
class _Job:
    """Everything that training needs, read and checked."""

    config: Config
    fabric: Fabric
    model: DualEncoder
    data: TrainData
    facts: dict[str, Any]
    inputs: list[Path]
    selector: Selector
    keeper: Keeper


def _prepare(config: Config, fabric: Fabric, out: Path, *, resume: bool, say: Callable[[str], None]) -> _Job:
    """Read and check everything but the run folder, which is not touched."""
    cohort = load_cohort(config.data.cohort)
    config, policy = resolve(config, cohort)
    for reason in policy.reasons if policy else []:
        say(reason)
    model = build_towers(config)
    cohort = leave_out_refused(cohort, size=model.image_size, fit=model.fit)
    globalise_batch_norm(model.net)
    data = train_data(cohort, config, image_size=model.image_size, tokenize=model.tokenize)
    config = with_rule(config, resolve_rule(config, cohort))
    selector = make_selector(config, cohort, image_size=model.image_size, run=out)
    keeper = Keeper(
        out, identity(config, cohort, data), last=config.train.keep_last, resuming=resume, say=say
    )
    seen, _ = without_excluded(cohort, config.data.exclude_patients)
    facts = (
        {"data": training_facts(seen)}
        | data.provenance
        | {"images_left_out": cohort.left_out}
        | ({"policy": policy.record()} if policy else {})
    )
    return _Job(config, fabric, model, data, facts, _inputs(config, cohort), selector, keeper)


def _inputs(config: Config, cohort: Cohort) -> list[Path]:
    """Files and folders that the run reads, besides the file of its configuration."""
    lists = [*config.data.exclude_patients, *(cohort.root / name for name in cohort.info.exclude_patients)]
    named = Path(config.model.config)
    towers = [named] if named.is_file() else []
    towers += [config.model.pretrained] if config.model.pretrained else []
    return [cohort.root, cohort.image_root, *lists, *towers]


def _claim(job: _Job, source: Path | None, *, force: bool) -> bool:
    """Make the run folder, or check that a resumed run is this one; whether there is anything left to do."""
    out, keeper = job.keeper.run, job.keeper
    there = is_run(out)
    if there and not force:
        if not keeper.resuming:
            raise DataError.at("a run is already there", file=out, remedy=_REMEDY)
        require_same(_identity_of(out), keeper.identity)
        return not (out / "model").is_dir()
    if there:
        # A run may be made again from its own record, which is written anew.
        own = (out / CONFIG_FILE).resolve()
        keep_inputs(out, job.inputs + [file for file in [source] if file and file.resolve() != own])
    with staged_folder(out, force=force, what="run", markers=[CONFIG_FILE] if there else []) as staging:
        (staging / CONFIG_FILE).write_text(job.config.to_yaml(), encoding="utf-8")
        facts = environment() | job.facts | {k: v for k, v in keeper.identity.items() if k != "config"}
        (staging / ENVIRONMENT_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return True


def _identity_of(out: Path) -> dict[str, Any]:
    config = yaml.safe_load((out / CONFIG_FILE).read_text(encoding="utf-8"))
    return {"config": config, **json.loads((out / ENVIRONMENT_FILE).read_text(encoding="utf-8"))}


def _train(job: _Job, note: Progress, stop_asked: Callable[[], bool]) -> None:
    config, keeper = job.config, job.keeper
    for entry in fit(job.model, job.data, config, job.fabric, job.selector, keeper, stop_asked):
        note(entry)
    with together(), keeper.disk_errors(config.train.steps):
        weights = whole_state(job.model.net)
        if rank() == 0:
            if choice := job.selector.choice():
                record, weights = choice
                note({"step": config.train.steps - 1, **record})
            with staged_folder(
                keeper.run / "model", force=True, what="model", markers=[dual_encoder.CONFIG_FILE]
            ) as staging:
                save_model(job.model, staging, weights)
                (staging / CARD_FILE).write_text(run_card(keeper.run), encoding="utf-8")
                sync_files(staging)


@contextmanager
def _log(keeper: Keeper, progress: Progress | None) -> Iterator[Progress]:
    """What writes an entry to ``log.jsonl`` and shows it; only the first process does either."""
    if rank() > 0:
        yield lambda entry: None
        return
    # Unbuffered: nothing is left to fail when the file is closed.
    with (keeper.run / LOG_FILE).open("ab", buffering=0) as log:

        def note(entry: dict[str, Any]) -> None:
            with keeper.disk_errors(entry["step"] + 1):
                line = json.dumps(entry).encode() + b"\n"
                while line:
                    line = line[log.write(line) :]
            if progress is not None:
                progress(entry)

        yield note
