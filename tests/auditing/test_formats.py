"""The four table shapes, and 30 kinds of bad rows, each refused by row and column."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adfair.auditing import load_predictions
from adfair.errors import AdfairError, DataError

Maker = Callable[..., pd.DataFrame]


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table with a label and a score column per finding."""
    keys = ["image_id", "patient_id", "race", "sex"]
    parts = [
        rows.set_index(keys)[["label", "score"]].add_suffix(f"_{name}")
        for name, rows in frame.groupby("finding")
    ]
    return pd.concat(parts, axis=1).reset_index()


def test_long_and_wide_tables_are_the_same(table: Maker) -> None:
    frame = table()
    one, two = load_predictions(frame), load_predictions(wide(frame))
    assert one.findings == two.findings
    order = [list(two.image).index(i) for i in one.image]
    np.testing.assert_array_equal(one.labels, two.labels[order])
    np.testing.assert_array_equal(one.scores, two.scores[order])


@pytest.mark.parametrize(
    ("label", "score"),
    [("label", "prob"), ("label", "score"), ("label_value", "score"), ("y_true", "y_score")],
)
def test_single_task_tables(label: str, score: str) -> None:
    frame = pd.DataFrame({score: [0.1, 0.9, 0.4], label: [0, 1, 1], "attr": [0, 1, 1]})
    got = load_predictions(frame)
    assert got.labels[:, 0].tolist() == [0, 1, 1]
    assert got.attributes[0].groups == ("0", "1")
    assert "no patient_id column" in got.notes[0]


def test_uncertain_and_empty_labels_are_left_out_and_counted() -> None:
    frame = pd.DataFrame({"label": [1, 0, -1, np.nan], "score": [0.9, 0.2, 0.4, np.nan], "a": list("xyxy")})
    got = load_predictions(frame)
    assert got.labels[:, 0].tolist() == [1, 0, -1, -1]
    assert "2 image-findings with an empty or uncertain" in got.notes[-1]


def test_text_and_boolean_labels_are_read() -> None:
    for labels in (["1", "0", "1.0"], [True, False, True], ["True", "False", "True"]):
        got = load_predictions(
            pd.DataFrame({"label": labels, "score": ["0,5", "0.25", "1"], "a": list("xyx")})
        )
        assert got.labels[:, 0].tolist() == [1, 0, 1]
        assert got.scores[:, 0].tolist() == [0.5, 0.25, 1]


def test_columns_that_cannot_be_attributes_are_named_and_not_dropped_silently() -> None:
    frame = pd.DataFrame({"label": [0, 1] * 15, "score": 0.5, "site": range(30), "sex": ["F", "M"] * 15})
    got = load_predictions(frame)
    assert [a.name for a in got.attributes] == ["sex"]
    assert any("'site' has 30 distinct values" in note for note in got.notes)


def test_findings_of_an_image_may_be_missing() -> None:
    frame = pd.DataFrame(
        {"image_id": list("aab"), "finding": ["x", "y", "x"], "label": 1, "score": 0.5, "g": "k"}
    )
    assert load_predictions(frame).labels.tolist() == [[1, 1], [1, -1]]


def broken(table: pd.DataFrame, column: str, value: object, row: int = 6) -> pd.DataFrame:
    out = table.astype({column: object})
    out.loc[row, column] = value
    return out


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("label", 2, "labels must be 1, 0"),
        ("label", 0.5, "labels must be 1, 0"),
        ("label", "yes", "not a number"),
        ("label", -2, "labels must be 1, 0"),
        ("score", np.nan, "no finite score"),
        ("score", np.inf, "no finite score"),
        ("score", -np.inf, "no finite score"),
        ("score", "high", "not a number"),
        ("score", "1.2.3", "not a number"),
        ("image_id", None, "empty"),
        ("patient_id", None, "empty"),
        ("finding", None, "empty"),
        ("image_id", "i0", "already have a row|differs from an earlier row"),
    ],
)
def test_a_bad_cell_is_refused_by_row_and_column(
    table: Maker, column: str, value: object, message: str
) -> None:
    with pytest.raises(DataError, match=message) as error:
        load_predictions(broken(table(), column, value))
    assert "row 7" in str(error.value)


def test_rows_of_one_image_must_agree(table: Maker) -> None:
    frame = table()
    for column, value in (("race", "Z"), ("patient_id", "p99")):
        with pytest.raises(DataError, match=r"differs from an earlier row of the same image") as error:
            load_predictions(broken(frame, column, value, row=240), attributes=["race"])
        assert f"row 241, column '{column}'" in str(error.value)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(), "no rows"),
        (pd.DataFrame({"label": [], "score": []}), "no rows"),
        (pd.DataFrame({"label": [1], "a": [2]}), "no label and score columns"),
        (pd.DataFrame({"score": [1.0]}), "no label and score columns"),
        (pd.DataFrame({"label_x": [1], "score_y": [2]}), "no label and score columns"),
        (pd.DataFrame({"finding": ["a", "b"], "label": [0, 1], "score": [0, 1]}), "need an image_id"),
    ],
)
def test_unusable_tables_are_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_predictions(frame)


def test_a_missing_attribute_lists_what_there_is(table: Maker) -> None:
    with pytest.raises(DataError, match=r"column 'ethnicity': no such column.*race, sex"):
        load_predictions(table(), attributes=["ethnicity"])


cells = st.one_of(st.none(), st.integers(-3, 3), st.floats(), st.text(max_size=4), st.booleans())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(cells, cells, cells, cells), min_size=1, max_size=8))
def test_any_table_is_read_or_refused_with_our_error(rows: list[tuple[object, ...]]) -> None:
    frame = pd.DataFrame(rows, columns=["label", "score", "image_id", "group"], dtype=object)
    try:
        got = load_predictions(frame)
    except AdfairError:
        return
    assert np.isin(got.labels, (-1, 0, 1)).all()
    assert np.isfinite(got.scores[got.labels >= 0]).all()


def test_label_and_score_columns_that_are_not_read_are_named(table: Maker) -> None:
    frame = wide(table()).assign(label_Mass=1, score_Hernia=0.5)
    assert any("not read" in n and "label_Mass, score_Hernia" in n for n in load_predictions(frame).notes)
    single = pd.DataFrame({"label": [0, 1], "score": [0.1, 0.2], "prob": [0.3, 0.4], "label_X": [1, 0]})
    assert any("not read" in n and "prob, label_X" in n for n in load_predictions(single).notes)


def test_a_finding_called_mean_is_refused(table: Maker) -> None:
    frame = table()
    for bad in (frame.replace({"finding": {frame["finding"].iloc[0]: "mean"}}), None):
        bad = pd.DataFrame({"label_mean": [0, 1], "score_mean": [0.1, 0.2]}) if bad is None else bad
        with pytest.raises(DataError, match="'mean' stands for the mean over findings"):
            load_predictions(bad)


def test_bins_alone_ask_for_their_column_and_repeats_count_once(table: Maker) -> None:
    frame = table().assign(age=50)
    binned = load_predictions(frame, bins={"age": [40, 60]})
    assert "age" in [a.name for a in binned.attributes]
    twice = load_predictions(frame, attributes=["sex", "sex"])
    assert [a.name for a in twice.attributes] == ["sex"]


def test_columns_marked_at_the_end_are_read_alike(table: Maker) -> None:
    frame = wide(table())
    names = {c: f"{c.removeprefix('label_')}_true" for c in frame if c.startswith("label_")}
    names |= {c: f"{c.removeprefix('score_')}_score" for c in frame if c.startswith("score_")}
    one, two = load_predictions(frame), load_predictions(frame.rename(columns=names))
    assert one.findings == two.findings
    assert np.array_equal(one.labels, two.labels)
    assert np.array_equal(one.scores, two.scores, equal_nan=True)


@pytest.mark.parametrize("name", ["PatientID", "patient id", "subject_id", "Patient-Id"])
def test_ids_as_others_write_them(table: Maker, name: str) -> None:
    frame = table()
    found = load_predictions(frame.rename(columns={"patient_id": name}))
    assert found.patients == load_predictions(frame).patients
    assert f"column '{name}' is taken as patient_id" in found.notes


def test_two_columns_that_may_be_the_patient_are_refused_and_none_is_a_group(table: Maker) -> None:
    frame = table(12).rename(columns={"patient_id": "PatientID"})
    with pytest.raises(DataError, match="columns PatientID and subject_id may each be patient_id: rename"):
        load_predictions(frame.assign(subject_id=frame["PatientID"]))
    frame = table(12)
    found = load_predictions(frame.assign(PatientID=frame["patient_id"], patient_id_2=frame["patient_id"]))
    assert "PatientID" not in [a.name for a in found.attributes]
    assert not any("is taken as" in note for note in found.notes)


def test_a_table_has_one_way_of_naming_labels_and_the_other_is_neither_label_nor_group(table: Maker) -> None:
    frame = wide(table())
    other = frame.assign(f0_true=1 - frame["label_f0"], f0_label="seen")
    for columns in (list(other), ["f0_true", *[c for c in other if c != "f0_true"]]):
        found = load_predictions(other[columns])
        assert np.array_equal(found.labels, load_predictions(frame).labels)
        assert [a.name for a in found.attributes] == ["race", "sex"]
        assert any("f0_true" in note for note in found.notes)
    only = pd.DataFrame({"X_true": [0, 1], "X_label": [1, 0], "X_score": [0.1, 0.2]})
    with pytest.raises(DataError, match="columns 'X_label' and 'X_true' both stand for 'X'"):
        load_predictions(only)


def test_columns_need_not_be_named_by_text(table: Maker) -> None:
    assert load_predictions(table().rename(columns={"race": 5})).attributes[0].name == "5"


@pytest.mark.parametrize("column", ["patient_id", "image_id"])
def test_an_id_of_blanks_is_no_id(table: Maker, column: str) -> None:
    frame = table()
    frame.loc[3, column] = "  "
    with pytest.raises(DataError, match=f"row 4, column '{column}': empty"):
        load_predictions(frame)


def test_groups_that_differ_in_case_alone_are_doubted(table: Maker) -> None:
    frame = table().replace({"race": {"A": "Caf\u00e9", "B": "Cafe\u0301", "C": "cafe"}})
    (note,) = [
        n for n in load_predictions(frame, attributes=["race", "sex"]).notes if "groups of their own" in n
    ]
    assert note.startswith("race: 'Cafe\u0301' and 'Caf\u00e9' are audited")


def test_a_column_that_is_there_twice_is_refused(table: Maker) -> None:
    frame = table()
    with pytest.raises(DataError, match="two columns are named 'race'"):
        load_predictions(pd.concat([frame, frame[["race"]]], axis=1))
