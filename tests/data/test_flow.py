"""The exclusion flow as a table and as a drawing that any browser opens."""

from pathlib import Path
from xml.etree import ElementTree

import pandas as pd

from adfair.data.flow import count_flow, flow_svg, with_groups, write_flow

TABLE = pd.DataFrame({"patient_id": ["a", "a", "b", "c"], "sex": ["F", "F", "M", "Unknown"]})


def test_counts_after_each_rule() -> None:
    flow = count_flow([("all", TABLE), ("known", TABLE[:3]), ("men", TABLE[2:3])], ["sex"])
    assert flow["dropped"].tolist() == [0, 1, 2]
    assert flow["images"].tolist() == [4, 3, 1]
    assert flow["patients"].tolist() == [3, 2, 1]
    assert flow["sex=F images"].tolist() == [2, 2, 0]
    assert flow["sex=F patients"].tolist() == [1, 1, 0]
    assert flow["sex=Unknown images"].tolist() == [1, 0, 0]


def test_the_drawing_is_well_formed_and_escaped(tmp_path: Path) -> None:
    flow = count_flow([("a < b & \x1b", TABLE), ("known", TABLE[:3])], ["sex"])
    write_flow(tmp_path, flow, title="<script>")
    tree = ElementTree.parse(tmp_path / "flow.svg")
    texts = [node.text for node in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert "a < b & �" in texts
    assert "<script>" in texts
    assert "1 images left out" in texts
    assert "sex: F: 2 images, 1 patients" in texts
    assert pd.read_csv(tmp_path / "flow.csv")["images"].tolist() == [4, 3]


def test_unknown_patients_are_left_out_of_the_drawing() -> None:
    flow = pd.DataFrame({"rule": ["rows"], "dropped": [0], "images": [1200], "patients": [None]})
    assert ">1,200 images<" in flow_svg(flow, title="t")


def test_an_import_s_flow_shows_the_groups_that_are_left() -> None:
    flow = pd.DataFrame(
        {"rule": ["rows", "frontal"], "dropped": [0, 1], "images": [4, 3], "patients": [3, 2]}
    )
    left = pd.DataFrame({"patient_id": list("aab"), "sex": ["F", "F", ""]})
    found = with_groups(flow, left, ["sex"])
    assert found["sex=F images"].tolist()[1] == 2
    assert found["sex=F patients"].isna().tolist() == [True, False]
    assert "sex: F: 2 images, 1 patients" in flow_svg(found, title="x")
