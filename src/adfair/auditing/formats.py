"""Recognise the common shapes of a predictions table and turn each into :class:`Predictions`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from adfair.auditing.attributes import Attribute, attribute_columns, encode, look_alikes
from adfair.auditing.predictions import Predictions, source_name
from adfair.auditing.reading import as_frame, empty, numbers
from adfair.errors import DataError

_SCORES = ("score", "prob", "probability", "y_prob", "y_score")
_MARKS = ((("label_",), ("score_", "prob_")), (("_label", "_true"), ("_score", "_prob")))
"""How the columns of labels and scores of a table may be marked: before the finding, or after it."""
_LABELS = ("label", "label_value", "y_true")


@dataclass(frozen=True)
class Layout:
    """Where labels and scores stand: pairs of (finding, label column, score column), or one long pair."""

    pairs: tuple[tuple[str, str, str], ...]
    finding: str | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """Every column that this layout reads."""
        names = [name for _, label, score in self.pairs for name in (label, score)]
        return tuple(names + ([self.finding] if self.finding else []))


def load_predictions(
    table: pd.DataFrame | Path | str,
    *,
    attributes: Sequence[str] | None = None,
    strata: Sequence[str] = (),
    bins: Mapping[str, Sequence[float]] | None = None,
) -> Predictions:
    """Read and check a predictions table.

    Args:
        table: a data frame or a CSV / Parquet path, in one of four shapes: long (``finding, label, score``),
            single task (``label`` with ``score`` or ``prob``), aequitas (``label_value, score``) or wide
            (``label_X, score_X``, or ``X_true, X_score`` and the like). ``image_id`` and ``patient_id`` are used
            where present, also as ``PatientID`` or ``subject_id``.
        attributes: columns to audit; every column that looks like one when absent.
        strata: columns within whose values AUCs are also wanted, for example ``view``.
        bins: edges for numeric columns, ``{"age": [40, 60, 80]}``.

    Raises:
        DataError: naming file, row, column and remedy.
    """
    source = source_name(table)
    notes: list[str] = []
    frame = as_frame(table, notes=notes)
    if frame.empty:
        raise DataError(f"{source}: the table has no rows")
    layout = recognise(frame, source=source)
    notes += _ignored(frame, layout)
    edges = bins or {}
    if attributes is None:
        marked = [name for name in frame.columns if _is_marked(name, layout)]
        found = attribute_columns(frame, used=[*layout.used, *marked], binned=edges, notes=notes)
        attributes = [*found, *edges]
    names = list(dict.fromkeys(attributes))
    for name in [*names, *strata]:
        if name not in frame.columns:
            others = [str(c) for c in frame.columns if c not in layout.used]
            near = next((f"Write '{c}'. " for c in others if c.casefold() == name.casefold()), "")
            known = f"{near}The others are: {', '.join(others)}"
            raise DataError.at("no such column", file=source, column=name, remedy=known)
    coded = [encode(frame[name], source=source, edges=edges.get(name)) for name in [*names, *strata]]
    notes += [f"{a.name}: {note}" for a in coded for note in look_alikes(a)]
    image, ids = _image_codes(frame, layout, source=source)
    patient = _patient_codes(frame, image, len(ids), source=source, notes=notes)
    findings, labels, scores = _matrices(frame, layout, image, len(ids), source=source, notes=notes)
    per_image = [_by_image(a, image, len(ids), source=source) for a in coded]
    return Predictions(
        source,
        ids,
        patient,
        int(patient.max()) + 1,
        findings,
        labels,
        scores,
        tuple(per_image[: len(names)]),
        tuple(per_image[len(names) :]),
        tuple(notes),
    )


def recognise(frame: pd.DataFrame, *, source: str) -> Layout:
    """Find the label and score columns. Raises DataError listing what was looked for."""
    columns = [str(name) for name in frame.columns]
    label = next((name for name in _LABELS if name in columns), None)
    score = next((name for name in _SCORES if name in columns), None)
    if label and score:
        return Layout((("label", label, score),), "finding" if "finding" in columns else None)
    for marks in _MARKS:  # one way of naming a table: a label beside it in another way is another thing
        labels, scores = (_by_stem(columns, each, source=source) for each in marks)
        if wide := [(stem, name, scores[stem]) for stem, name in labels.items() if stem in scores]:
            return Layout(tuple(wide))
    # Without a header the "columns" are the first patient's cells, so only names like these are repeated.
    near = [
        c for c in columns if any(word in c.casefold() for word in ("label", "true", "score", "prob", "pred"))
    ]
    raise DataError(
        f"{source}: no label and score columns{' among ' + ', '.join(near) if near else ''}. Expected, in the first "
        "line, 'label' with 'score' or 'prob', 'label_value' with 'score', or pairs 'label_X' and 'score_X' or 'X_true' "
        "and 'X_score', X being the finding"
    )


def _by_stem(columns: Sequence[str], marks: Sequence[str], *, source: str) -> dict[str, str]:
    """Finding -> its column, named ``label_X`` or ``X_true``: the finding is what is left without the mark."""
    found: dict[str, str] = {}
    for mark in marks:
        for name in columns:
            stem = name.removeprefix(mark) if mark.endswith("_") else name.removesuffix(mark)
            if stem in ("", name):
                continue
            if stem in found and not mark.endswith("_"):
                raise DataError(
                    f"{source}: columns '{found[stem]}' and '{name}' both stand for '{stem}'. Keep one"
                )
            found.setdefault(stem, name)
    return found


def _ignored(frame: pd.DataFrame, layout: Layout) -> list[str]:
    """A note on columns that look like labels or scores and are not read."""
    names = [str(name) for name in frame.columns]
    left = [n for n in names if n not in layout.used and (n in (*_LABELS, *_SCORES) or _is_marked(n, layout))]
    return [f"not read, no partner or not needed: {', '.join(left)}"] if left else []


def _is_marked(name: str, layout: Layout) -> bool:
    """Whether a column is named like labels or scores; at the end of the name, of a finding that is read."""
    (starts, ends), findings = (
        (sum(marks, ()) for marks in _MARKS),
        [finding for finding, _, _ in layout.pairs],
    )
    return name.startswith(starts) or any(name == f"{finding}{end}" for finding in findings for end in ends)


def _image_codes(frame: pd.DataFrame, layout: Layout, *, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Image number of each row, and the id of each image in order of first appearance."""
    if "image_id" not in frame.columns:
        if layout.finding and frame[layout.finding].nunique() > 1:
            raise DataError(f"{source}: several findings need an image_id column to tell images apart")
        return np.arange(len(frame)), np.arange(len(frame))
    codes, ids = pd.factorize(frame["image_id"])
    nameless = empty(frame["image_id"])
    refuse(nameless, "empty", source=source, column="image_id", remedy="Give every image an id")
    return codes, np.asarray(ids, dtype=object)


def _patient_codes(
    frame: pd.DataFrame, image: np.ndarray, images: int, *, source: str, notes: list[str]
) -> np.ndarray:
    if "patient_id" not in frame.columns:
        notes.append("no patient_id column: each image counts as its own patient")
        return np.arange(images, dtype=np.int32)
    codes, _ = pd.factorize(frame["patient_id"])
    refuse(
        empty(frame["patient_id"]),
        "empty",
        source=source,
        column="patient_id",
        remedy="Fill it, or drop the column to count each image as its own patient",
    )
    return _by_image(Attribute("patient_id", (), codes), image, images, source=source).codes.astype(np.int32)


def _by_image(column: Attribute, image: np.ndarray, images: int, *, source: str) -> Attribute:
    """One code an image; rows of one image must agree."""
    codes = np.empty(images, dtype=column.codes.dtype)
    codes[image[::-1]] = column.codes[::-1]
    refuse(
        codes[image] != column.codes,
        "differs from an earlier row of the same image",
        source=source,
        column=column.name,
        remedy="All rows of an image must agree",
    )
    return Attribute(column.name, column.groups, codes)


def _matrices(
    frame: pd.DataFrame, layout: Layout, image: np.ndarray, images: int, *, source: str, notes: list[str]
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    place, findings = _finding_codes(frame, layout, source=source)
    labels = np.full((images, len(findings)), -1, dtype=np.int8)
    scores = np.full((images, len(findings)), np.nan)
    seen = np.zeros(images * len(findings), dtype=bool)
    left_out = 0
    for k, (_, label_name, score_name) in enumerate(layout.pairs):
        label = numbers(frame[label_name], source=source)
        score = numbers(frame[score_name], source=source)
        _check_pair(label, score, layout.pairs[k], source=source)
        column = place if place is not None else k
        _refuse_repeated(seen, image * len(findings) + column, source=source)
        used = label >= 0
        left_out += int((~used).sum())
        labels[image, column] = np.where(used, label, -1)
        scores[image, column] = np.where(used, score, np.nan)
    if left_out:
        notes.append(f"{left_out} image-findings with an empty or uncertain (-1) label were left out")
    return findings, labels, scores


def _finding_codes(
    frame: pd.DataFrame, layout: Layout, *, source: str
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if layout.finding is None:
        if any(name == "mean" for name, _, _ in layout.pairs):
            raise DataError(f"{source}: 'mean' stands for the mean over findings. Rename that finding")
        return None, tuple(name for name, _, _ in layout.pairs)
    codes, names = pd.factorize(frame[layout.finding])
    refuse(codes < 0, "empty", source=source, column=layout.finding, remedy="Name the finding of every row")
    found = tuple(str(name) for name in names)
    if "mean" in found:
        what = "'mean' stands for the mean over findings"
        raise DataError.at(what, file=source, column=layout.finding, remedy="Rename this finding")
    return codes, found


def _check_pair(label: np.ndarray, score: np.ndarray, pair: tuple[str, str, str], *, source: str) -> None:
    allowed = np.isnan(label) | np.isin(label, (-1, 0, 1))
    refuse(
        ~allowed,
        "labels must be 1, 0, -1 (uncertain) or empty",
        source=source,
        column=pair[1],
        remedy="Recode it, one finding a column or row",
    )
    refuse(
        (label >= 0) & ~np.isfinite(score),
        "no finite score for a labelled row",
        source=source,
        column=pair[2],
        remedy="Score every labelled image, or leave its label empty",
    )


def _refuse_repeated(seen: np.ndarray, cells: np.ndarray, *, source: str) -> None:
    repeated = seen[cells]
    if not repeated.any() and np.bincount(cells).max() > 1:
        repeated = pd.Series(cells).duplicated().to_numpy()
    refuse(
        repeated,
        "this image and finding already have a row",
        source=source,
        column="image_id",
        remedy="Keep one row each, or give repeated images their own image_id",
    )
    seen[cells] = True


def refuse(bad: np.ndarray, what: str, *, source: str, column: str, remedy: str) -> None:
    """Raise DataError at the first row for which ``bad`` holds."""
    if bad.any():
        raise DataError.at(what, file=source, row=int(bad.argmax()) + 1, column=column, remedy=remedy)
