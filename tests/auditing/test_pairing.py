"""Two tables put on the same images, findings and patients."""

import numpy as np
import pandas as pd
import pytest

from adfair.auditing import load_predictions
from adfair.auditing.pairing import align
from adfair.auditing.predictions import Predictions
from adfair.errors import DataError

FRAME = pd.DataFrame(
    {
        "image_id": list("abc"),
        "patient_id": list("pqq"),
        "label_X": [0, 1, 1],
        "score_X": [0.1, 0.2, 0.3],
        "label_Y": [1, 0, 1],
        "score_Y": [0.4, 0.5, 0.6],
        "sex": list("FMM"),
    }
)


def loaded(frame: pd.DataFrame) -> Predictions:
    return load_predictions(frame, attributes=["sex"])


def test_rows_and_findings_follow_the_first_table() -> None:
    other = FRAME.assign(label_Z=1, score_Z=0.5, score_X=[0.9, 0.8, 0.7])
    columns = [
        "image_id",
        "patient_id",
        "label_Z",
        "score_Z",
        "label_Y",
        "score_Y",
        "label_X",
        "score_X",
        "sex",
    ]
    one, two = align(loaded(FRAME), loaded(other[columns].iloc[::-1]))
    assert one.findings == two.findings == ("X", "Y")
    assert one.image.tolist() == two.image.tolist() == ["a", "b", "c"]
    assert one.scores.tolist() == [[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]]
    assert two.scores.tolist() == [[0.9, 0.4], [0.8, 0.5], [0.7, 0.6]]
    assert two.attributes[0].codes.tolist() == [0, 1, 1]


def test_a_label_that_either_table_leaves_out_is_left_out_of_both() -> None:
    first = FRAME.assign(label_X=[-1, 1, 1])
    second = FRAME.assign(label_Y=[1, 0, np.nan])
    one, two = align(loaded(first), loaded(second))
    assert one.labels.tolist() == two.labels.tolist() == [[-1, 1], [1, 0], [1, -1]]


def test_patients_may_be_named_differently_but_not_grouped_differently() -> None:
    renamed = loaded(FRAME.assign(patient_id=["z", "Jane Doe", "Jane Doe"]).iloc[::-1])
    one, two = align(loaded(FRAME), renamed)
    assert one.patient.tolist() == two.patient.tolist() == [0, 1, 1]
    regrouped = loaded(FRAME.assign(patient_id=["Jane Doe", "Jane Doe", "z"]))
    with pytest.raises(DataError, match="table and table: patients differ for 1 shared rows") as error:
        align(loaded(FRAME), regrouped)
    assert "Jane" not in str(error.value)


def test_groups_are_compared_by_name_and_not_by_code() -> None:
    extra = pd.DataFrame({"image_id": ["d"], "patient_id": ["r"], "sex": ["A"]})
    more = pd.concat([FRAME, extra.assign(label_X=0, score_X=0.5, label_Y=0, score_Y=0.5)])
    second = loaded(more)
    assert second.attributes[0].codes.tolist() == [1, 2, 2, 0]
    one, two = align(loaded(FRAME), second)
    assert two.attributes == one.attributes
    assert one.notes == ("3 images in common of 3 and 4; the others are left out",)


def test_a_group_known_to_one_table_only_is_a_difference() -> None:
    with pytest.raises(DataError, match=r"'sex' values differ for 2 shared rows. The tables must describe"):
        align(loaded(FRAME), loaded(FRAME.assign(sex=["F", "", ""])))


def test_tables_without_a_common_finding_are_refused() -> None:
    renamed = FRAME.rename(columns=lambda name: name.replace("_X", "_V").replace("_Y", "_W"))
    with pytest.raises(DataError, match=r"no finding in common. Compare models on the same images"):
        align(loaded(FRAME), loaded(renamed))


def test_an_image_named_by_a_number_and_by_its_text_is_refused() -> None:
    mixed = FRAME.assign(image_id=[1, "1", 2])
    with pytest.raises(DataError, match="the id of image 2 also stands for another"):
        align(loaded(FRAME.assign(image_id=list("123"))), loaded(mixed))


def test_without_image_ids_rows_are_matched_by_number_only_where_that_is_said() -> None:
    plain = FRAME.drop(columns="image_id")
    one, _ = align(loaded(plain), loaded(plain))
    assert any(note.startswith("no image_id: row k of one table") for note in one.notes)
    for other in (plain.iloc[:2], FRAME):
        with pytest.raises(DataError, match="without an image_id column in both"):
            align(loaded(plain), loaded(other))


def test_what_one_table_alone_holds_is_said_and_nothing_left_is_refused() -> None:
    other = FRAME.drop(columns=["label_Y", "score_Y"]).assign(label_X=[0, -1, 1], label_Z=1, score_Z=0.5)
    one, _ = align(loaded(FRAME), loaded(other))
    assert "in one table only, left out: Y, Z" in one.notes
    assert "1 image-findings have a label in one table only and were left out" in one.notes
    with pytest.raises(DataError, match="no image-finding has a label in both tables"):
        align(loaded(FRAME.assign(label_X=[0, -1, -1], label_Y=-1)), loaded(FRAME.assign(label_X=[-1, 1, 1])))
