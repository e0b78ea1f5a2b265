"""Embeddings on a plane: their two directions of largest spread, and how much of it groups and findings explain."""

from dataclasses import dataclass

import numpy as np

from adfair.auditing.attributes import UNKNOWN
from adfair.auditing.predictions import Predictions

MOST_IMAGES = 700
NONE, SEVERAL = "no finding", "several findings"


@dataclass(frozen=True)
class Projection:
    """N images on the plane of the first two principal components.

    Attributes:
        points: [N, 2], coordinates; the axes have no unit and their signs no meaning.
        spread: share of the variance of all images that each axis holds.
        images: how many the components were computed from; N are shown.
        colours: what an image can be coloured by: ``finding`` or an attribute, to one name an image.
    """

    points: np.ndarray
    spread: tuple[float, float]
    images: int
    colours: dict[str, np.ndarray]


def project(
    ids: np.ndarray, emb: np.ndarray, predictions: Predictions, *, most: int = MOST_IMAGES
) -> Projection:
    """Principal components of the embeddings [N, D] of images with predictions; ``most`` are kept for the picture.

    Images are taken at equal steps through the table, so the same data gives the same picture.
    Source: Pearson (1901); the plane that keeps most of the variance.
    """
    place = {str(name): i for i, name in enumerate(predictions.image)}
    rows = np.array([(i, place[name]) for i, name in enumerate(ids) if name in place], dtype=int).reshape(
        -1, 2
    )
    centred = emb[rows[:, 0]] - emb[rows[:, 0]].mean(axis=0)
    covariance = centred.T @ centred
    values, axes = np.linalg.eigh(covariance)
    plane = axes[:, -2:][:, ::-1]
    # The sign of an axis is arbitrary; its largest entry is made positive so that two runs draw alike.
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), range(2)])
    kept = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))
    total = max(values.sum(), np.finfo(float).tiny)
    return Projection(
        points=centred[kept] @ plane,
        spread=(float(values[-1] / total), float(values[-2] / total)),
        images=len(rows),
        colours=_colours(predictions, rows[kept, 1]),
    )


def _colours(predictions: Predictions, rows: np.ndarray) -> dict[str, np.ndarray]:
    positive = predictions.labels[rows] == 1
    names = np.array([*predictions.findings, NONE, SEVERAL], dtype=object)
    counts = positive.sum(axis=1)
    code = np.where(
        counts == 0, len(names) - 2, np.where(counts == 1, positive.argmax(axis=1), len(names) - 1)
    )
    groups = {
        a.name: np.array([*a.groups, UNKNOWN], dtype=object)[a.codes[rows]] for a in predictions.attributes
    }
    return {"finding": names[code], **groups}


def explained(points: np.ndarray, names: np.ndarray) -> float:
    """Share of the points' variance [N, 2] that lies between the means of the named sets: eta squared."""
    total = ((points - points.mean(axis=0)) ** 2).sum()
    if total == 0:
        return float("nan")
    between = sum(
        (names == name).sum() * ((points[names == name].mean(axis=0) - points.mean(axis=0)) ** 2).sum()
        for name in dict.fromkeys(names)
    )
    return float(between / total)
