"""A selection of the audited table keeps everything of an image together."""

from pathlib import Path

import numpy as np
import pandas as pd

from adfair.auditing import load_predictions
from adfair.auditing.predictions import Predictions, source_name

FRAME = pd.DataFrame(
    {
        "image_id": list("abcde"),
        "patient_id": ["p", "q", "q", "r", "p"],
        "label": [0, 1, -1, 0, 1],
        "score": [0.1, 0.2, 0.3, 0.4, 0.5],
        "sex": ["F", "M", "M", "", "F"],
        "view": ["AP", "PA", "AP", "PA", "AP"],
    }
)


def loaded() -> Predictions:
    return load_predictions(FRAME, attributes=["sex"], strata=["view"])


def test_a_selection_moves_every_column_alike() -> None:
    got = loaded().take(np.array([4, 1, 2]))
    assert got.images == 3
    assert got.image.tolist() == ["e", "b", "c"]
    assert got.labels[:, 0].tolist() == [1, 1, -1]
    np.testing.assert_array_equal(got.scores[:, 0], [0.5, 0.2, np.nan])
    assert [got.attributes[0].groups[k] for k in got.attributes[0].codes] == ["F", "M", "M"]
    assert [got.strata[0].groups[k] for k in got.strata[0].codes] == ["AP", "PA", "AP"]


def test_patients_of_a_selection_are_numbered_without_holes() -> None:
    got = loaded().take(np.array([3, 1, 2]))
    assert got.patients == 2
    assert got.patient.dtype == np.int32
    assert got.patient.tolist() == [1, 0, 0]


def test_groups_that_a_selection_empties_stay_declared() -> None:
    got = loaded().take(FRAME["sex"].eq("M").to_numpy())
    assert got.image.tolist() == ["b", "c"]
    assert got.attributes[0].groups == ("F", "M")
    assert got.attributes[0].codes.tolist() == [1, 1]


def test_a_selection_of_a_selection_is_one_selection() -> None:
    twice = loaded().take(np.array([4, 3, 1, 0])).take(np.array([2, 0]))
    once = loaded().take(np.array([1, 4]))
    assert twice.image.tolist() == once.image.tolist()
    assert twice.patient.tolist() == once.patient.tolist()
    assert twice.patients == once.patients


def test_messages_name_a_file_by_its_path_and_a_frame_as_a_table() -> None:
    assert source_name(Path("runs") / "predictions.csv") == str(Path("runs/predictions.csv"))
    assert source_name("predictions.csv") == "predictions.csv"
    assert source_name(FRAME) == "table"
