"""Read what a model said of each image: predictions and embeddings of the primary test set."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from adfair.auditing.attributes import UNKNOWN, bin_edges
from adfair.auditing.formats import load_predictions
from adfair.auditing.predictions import Predictions
from adfair.auditing.reading import column_names, read_table
from adfair.errors import DataError

TABLE, VECTORS = "predictions.csv", "embeddings.npz"


def model_folder(source: Path, model: str) -> Path | None:
    """Where a model's ``predictions.csv`` stands: in a folder of its name, or in an evaluation's own folder."""
    inside = [source / model] if Path(model).name == model else []
    own = [source] if (source / "metrics.csv").is_file() and not (source / "comparison.csv").is_file() else []
    return next((place for place in [*inside, *own] if (place / TABLE).is_file()), None)


def read_predictions(path: Path, groups: Mapping[str, Sequence[str]]) -> Predictions:
    """Predictions with those attributes that the table holds, cut into bins where the audited groups are bins.

    Args:
        groups: names of the groups of each attribute, as in the table of metrics.

    Raises:
        DataError: as ``load_predictions``.
    """
    columns = column_names(path)
    held = [attribute for attribute in groups if attribute in columns]
    bins = {a: edges for a in held if (edges := bin_edges(groups[a])) is not None}
    if bins:
        # A table may hold the names of the bins themselves, which are groups as they stand.
        cells = read_table(path)
        bins = {a: edges for a, edges in bins.items() if not cells[a].isin(set(groups[a]) - {UNKNOWN}).any()}
    return load_predictions(path, attributes=held, bins=bins)


def read_embeddings(folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Ids [N] and embeddings [N, D] of ``embeddings.npz``, or ``None`` without one.

    Raises:
        DataError: the file holds no ``image_id`` and ``image_emb`` of one length.
    """
    path = folder / VECTORS
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as held:
        if not {"image_id", "image_emb"} <= set(held.files) or len(held["image_id"]) != len(
            held["image_emb"]
        ):
            raise DataError.at(
                "no image_id and image_emb of one length", file=path, remedy="Evaluate the model again"
            )
        return held["image_id"].astype(str), held["image_emb"].astype(float)


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
