"""``card``: the figures of an evaluation go into the card of the model that was evaluated."""

import json
from pathlib import Path

import pandas as pd

from adfair.errors import DataError
from adfair.models.adapters.load import load_encoder
from adfair.models.adapters.run import model_folder
from adfair.models.card import add_audit
from adfair.reporting.records import require_own_table
from adfair.workflows.evaluate import RECORD


def card(run: Path | str, *, evaluation: Path | str) -> Path:
    """Put an evaluation's audit into ``model/README.md``; an earlier one is replaced.

    Args:
        run: a run folder or a model folder with a card of ours.
        evaluation: a folder that ``adfair.evaluate`` wrote for this very model.

    Returns:
        The card.

    Raises:
        DataError: no evaluation there, or one of another model.
        ConfigError: the model has no card with a place for it.
    """
    folder, source = model_folder(run), Path(evaluation)
    if not (source / RECORD).is_file() or not (source / "metrics.csv").is_file():
        raise DataError.at(f"no {RECORD} and metrics.csv", file=source, remedy="Name what evaluate wrote.")
    facts = json.loads((source / RECORD).read_text(encoding="utf-8"))
    require_own_table(source, facts)
    if facts["weights_sha256"] != load_encoder(run).fingerprint:
        raise DataError.at(
            f"an evaluation of another model than the one in {folder}",
            file=source,
            remedy="Evaluate this model.",
        )
    metrics = pd.read_csv(source / "metrics.csv", dtype=str, keep_default_na=False)
    return add_audit(folder, metrics, test_set=facts["split"], cohort=facts["cohort"]["name"])
