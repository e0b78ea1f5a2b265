"""``card``: the figures of an evaluation go into the card of the model that was evaluated."""

import json
from pathlib import Path

import pandas as pd

from adfair.errors import DataError
from adfair.models.card import add_audit
from adfair.models.dual_encoder import weights_hash
from adfair.workflows.evaluate import RECORD, model_folder


def card(run: Path | str, *, evaluation: Path | str) -> Path:
    """Put an evaluation's audit into ``model/README.md``; an earlier one is replaced.

    Args:
        run: a run folder or a model folder with a card of ours.
        evaluation: a folder that ``adfair.evaluate`` wrote for these very weights.

    Returns:
        The card.

    Raises:
        DataError: no evaluation there, or one of other weights.
        ConfigError: the model has no card with a place for it.
    """
    folder, source = model_folder(run), Path(evaluation)
    if not (source / RECORD).is_file() or not (source / "metrics.csv").is_file():
        raise DataError.at(f"no {RECORD} and metrics.csv", file=source, remedy="Name what evaluate wrote.")
    facts = json.loads((source / RECORD).read_text(encoding="utf-8"))
    if facts["weights_sha256"] != weights_hash(folder):
        raise DataError.at(
            f"an evaluation of other weights than those in {folder}",
            file=source,
            remedy="Evaluate this model.",
        )
    metrics = pd.read_csv(source / "metrics.csv", dtype=str, keep_default_na=False)
    return add_audit(folder, metrics, test_set=facts["split"], cohort=facts["cohort"]["name"])
