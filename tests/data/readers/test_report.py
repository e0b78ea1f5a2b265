"""What an import reports: its exclusion flow, and every raw text with the group it became."""

import pandas as pd

from adfair.data.readers.report import Flow, count_groups, printable

TABLE = pd.DataFrame({"patient": list("ppqrs")}, index=[3, 5, 8, 9, 11])


def test_each_step_drops_from_the_one_before() -> None:
    flow = Flow()
    flow.add("all", TABLE, TABLE["patient"])
    flow.add("some", TABLE.iloc[:3], TABLE["patient"])
    flow.add("same", TABLE.iloc[:3], TABLE["patient"])
    flow.add("one", TABLE.iloc[:1], TABLE["patient"])
    assert flow.table().to_numpy().tolist() == [
        ["all", 0, 5, 4],
        ["some", 2, 3, 2],
        ["same", 0, 3, 2],
        ["one", 2, 1, 1],
    ]


def test_patients_are_unknown_where_the_source_names_none() -> None:
    flow = Flow()
    flow.add("all", TABLE, None)
    flow.add("some", TABLE.iloc[1:], None)
    got = flow.table()
    assert list(got.columns) == ["rule", "dropped", "images", "patients"]
    assert got["patients"].isna().all()
    assert got["dropped"].tolist() == [0, 1]


def test_raw_texts_are_counted_by_group_and_the_commonest_comes_first() -> None:
    raw = {"sex": pd.Series(["m", "f", "M", "M", "x"], index=TABLE.index)}
    groups = pd.DataFrame({"sex": ["Male", "Female", "Male", "Male", ""]}, index=TABLE.index)
    got = count_groups(raw, groups, TABLE["patient"])
    assert list(got.columns) == ["attribute", "raw", "group", "images", "patients"]
    assert got.to_numpy().tolist() == [
        ["sex", "f", "Female", 1, 1],
        ["sex", "M", "Male", 2, 2],
        ["sex", "m", "Male", 1, 1],
        ["sex", "x", "Unknown", 1, 1],
    ]


def test_every_attribute_accounts_for_every_image_and_counts_a_patient_once() -> None:
    raw = {
        "sex": pd.Series(["f", "f", "", "f", "m"], index=TABLE.index),
        "race": pd.Series(["?", "b", "b", "b", "b"], index=TABLE.index),
    }
    groups = pd.DataFrame({"sex": ["F", "F", "", "F", "M"], "race": ["Unknown", *"BBBB"]}, index=TABLE.index)
    got = count_groups(raw, groups, TABLE["patient"])
    assert got.groupby("attribute", sort=False)["images"].sum().to_dict() == {"sex": 5, "race": 5}
    cells = got.set_index(["attribute", "raw"])
    assert cells.loc[("sex", "f"), ["group", "images", "patients"]].tolist() == ["F", 3, 2]
    assert cells.loc[("race", "?"), "group"] == cells.loc[("sex", ""), "group"] == "Unknown"


REPORT = "PA view of JANE DOE, born 1950. No focal consolidation."


def test_texts_in_no_table_that_may_be_reports_are_counted_and_not_shown() -> None:
    raw = pd.Series(
        [REPORT, REPORT[:-1], "f", "a text of a table, however long it is", ""], index=TABLE.index
    )
    listed = ["f", "a text of a table, however long it is"]
    assert printable(raw, listed).tolist() == ["(55 characters)", "(54 characters)", *listed, ""]
    groups = pd.DataFrame({"sex": ["", "", "F", "F", ""]}, index=TABLE.index)
    got = count_groups({"sex": raw}, groups, TABLE["patient"], listed={"sex": listed})
    assert got["images"].sum() == 5
    assert not got["raw"].str.contains("JANE").any()


def test_hundreds_of_texts_become_one_line() -> None:
    raw = pd.Series([f"DOE JANE {i}" for i in range(201)] + ["f"])
    groups = pd.DataFrame({"sex": [""] * 201 + ["F"]})
    got = count_groups({"sex": raw}, groups, pd.Series(["p"] * 201 + ["q"]), listed={"sex": ["f"]})
    assert got.to_numpy().tolist() == [
        ["sex", "f", "F", 1, 1],
        ["sex", "201 different texts, not shown", "Unknown", 201, 1],
    ]
    assert printable(raw[1:], []).tolist() == ["201 different texts, not shown"] * 201
    assert printable(raw[2:], []).tolist() == raw[2:].tolist()
