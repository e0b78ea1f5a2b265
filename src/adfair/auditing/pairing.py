"""Put the predictions of two models on the same images, findings and patients."""

from dataclasses import replace

import numpy as np
import pandas as pd

from adfair.auditing.attributes import Attribute
from adfair.auditing.predictions import Predictions
from adfair.errors import DataError


def align(first: Predictions, second: Predictions) -> tuple[Predictions, Predictions]:
    """Both tables cut to the images and findings they share, in the same order, with one patient numbering.

    An image-finding that either table leaves out is left out of both. Images are matched by ``image_id``.

    Raises:
        DataError: nothing in common, or the same image has another label, patient or group in the two tables.
    """
    names = f"{first.source} and {second.source}"
    notes = [*first.notes, *_by_row(first, second, names)]
    findings = [name for name in first.findings if name in second.findings]
    alone = sorted({*first.findings, *second.findings} - {*findings})
    if alone:
        notes.append(f"in one table only, left out: {', '.join(alone)}")
    place = _images(second).get_indexer(_images(first))
    rows = np.flatnonzero(place >= 0)
    if not findings or not rows.size:
        raise DataError(
            f"{names}: no {'image' if findings else 'finding'} in common. Compare models on the same images"
        )
    one, two = first.take(rows), second.take(place[rows])
    one, two = _findings(one, findings), _findings(two, findings)
    shared = (one.labels >= 0) & (two.labels >= 0)
    _same(one.labels[shared], two.labels[shared], names, "labels")
    for a, b in zip(one.attributes, two.attributes, strict=True):
        _same(_values(a), _values(b), names, f"'{a.name}' values")
    _same(_partition(one.patient), _partition(two.patient), names, "patients")
    if not shared.any():
        raise DataError(
            f"{names}: no image-finding has a label in both tables. Compare models on the same labels"
        )
    lost = int(((one.labels >= 0) ^ (two.labels >= 0)).sum())
    if lost:
        notes.append(f"{lost} image-findings have a label in one table only and were left out")
    if len(rows) < first.images or len(rows) < second.images:
        notes.append(
            f"{len(rows)} images in common of {first.images} and {second.images}; the others are left out"
        )
    labels = np.where(shared, one.labels, -1).astype(np.int8)
    one = replace(one, labels=labels, notes=tuple(notes))
    return one, replace(two, labels=labels, patient=one.patient, attributes=one.attributes)


def _by_row(first: Predictions, second: Predictions, names: str) -> list[str]:
    """What to say where images have no ids; load_predictions then numbers the rows."""
    numbered = [table.image.dtype.kind == "i" for table in (first, second)]
    if not any(numbered):
        return []
    if not all(numbered) or first.images != second.images:
        raise DataError(
            f"{names}: without an image_id column in both, the same images cannot be found. Add it"
        )
    return ["no image_id: row k of one table is taken for the same image as row k of the other"]


def _images(table: Predictions) -> pd.Index:
    images = pd.Index(table.image.astype(str))
    if not images.is_unique:
        row = int(images.duplicated().argmax()) + 1
        what = f"the id of image {row} also stands for another image, as a number and as a text"
        raise DataError.at(what, file=table.source, column="image_id", remedy="Write all ids as text")
    return images


def _findings(table: Predictions, names: list[str]) -> Predictions:
    columns = [table.findings.index(name) for name in names]
    return replace(
        table, findings=tuple(names), labels=table.labels[:, columns], scores=table.scores[:, columns]
    )


def _values(attribute: Attribute) -> np.ndarray:
    # Neither the unknown nor those whose group was taken out has a name.
    return np.array([*attribute.groups, ""], dtype=object)[np.maximum(attribute.codes, -1)]


def _partition(patient: np.ndarray) -> np.ndarray:
    """Patients numbered by first appearance, so that equal groupings compare equal."""
    return pd.factorize(patient)[0]


def _same(a: np.ndarray, b: np.ndarray, names: str, what: str) -> None:
    different = int((a != b).sum())
    if different:
        raise DataError(
            f"{names}: {what} differ for {different} shared rows. The tables must describe the same images"
        )
