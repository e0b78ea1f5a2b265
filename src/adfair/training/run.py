"""``train``: a configuration in, a run folder out."""

import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from adfair.config import Config, load_config
from adfair.data.cache import leave_out_refused
from adfair.data.manifest import Cohort, load_cohort
from adfair.data.staging import claim_folder
from adfair.models.dual_encoder import DualEncoder, build_model, freeze_tower, load_weights, save_model
from adfair.objectives import siglip
from adfair.training.inputs import train_data
from adfair.training.loop import fit
from adfair.training.selection import make_selector, resolve_rule, with_rule

CONFIG_FILE = "config.yaml"
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


def environment(cohort: Cohort) -> dict[str, Any]:
    """What a run depended on: versions, processor, cohort and its hash. No host name and no path."""
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
        "cohort": {
            "name": cohort.info.name,
            "manifest_sha256": cohort.info.manifest_sha256,
            "images_left_out": cohort.left_out,
        },
    }


def _build(config: Config) -> DualEncoder:
    model = build_model(
        config.model.config,
        seed=config.seed,
        image_size=config.data.image_size,
        fit=config.data.fit,
        start=siglip.START if config.objective.contrastive == "siglip" else None,
    )
    if config.model.pretrained is not None:
        load_weights(model, config.model.pretrained)
    for tower in config.model.freeze:
        freeze_tower(model, tower)
    return model


def train(
    config: Config | Path | str,
    *,
    out: Path | str,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Train one model.

    Args:
        config: a configuration, or a YAML file of one.
        out: the run folder: ``config.yaml``, ``environment.json``, ``log.jsonl``, ``checkpoints/``, ``model/``.
        force: replace an earlier run there.
        progress: called with every logged step.

    Returns:
        The run folder. Everything is read and checked before it is made.

    Raises:
        ConfigError, DataError: something in the configuration or cohort that the user can mend.
        TrainingError: a loss or gradient became non-finite; ``model/`` is then not written.
    """
    config = config if isinstance(config, Config) else load_config(config)
    out = Path(out)
    cohort = load_cohort(config.data.cohort)
    model = _build(config)
    cohort = leave_out_refused(cohort, size=model.image_size, fit=model.fit)
    data = train_data(cohort, config, image_size=model.image_size, tokenize=model.tokenize)
    config = with_rule(config, resolve_rule(config, cohort))
    selector = make_selector(config, cohort, image_size=model.image_size, run=out)
    claim_folder(out, force=force, what="run", markers=[CONFIG_FILE])
    (out / CONFIG_FILE).write_text(config.to_yaml(), encoding="utf-8")
    (out / "environment.json").write_text(
        json.dumps(environment(cohort) | data.provenance, indent=2) + "\n", encoding="utf-8"
    )
    fabric = Fabric(accelerator="auto", devices=1, precision=config.train.precision)
    with (out / "log.jsonl").open("w", encoding="utf-8") as log:

        def note(entry: dict[str, Any]) -> None:
            log.write(json.dumps(entry) + "\n")
            log.flush()
            if progress is not None:
                progress(entry)

        for entry in fit(model, data, config, fabric, selector, out):
            note(entry)
        if choice := selector.restore(model):
            note({"step": config.train.steps - 1, **choice})
    save_model(model, out / "model")
    return out
