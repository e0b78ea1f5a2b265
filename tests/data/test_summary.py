"""Counts of a cohort, empty cells included."""

from adfair.data.manifest import Cohort
from adfair.data.summary import count_mentions, side_by_side, summarise


def test_splits_findings_and_groups_are_counted(cohort: Cohort) -> None:
    tables = summarise(cohort)
    splits = tables["splits"].set_index("split")
    assert splits["images"].to_dict() == {"train": 6, "val": 2, "test": 4, "test_b": 0}
    assert splits["patients"].to_dict() == {"train": 3, "val": 1, "test": 2, "test_b": 0}
    assert splits["age_unknown"].to_dict() == {"train": 0, "val": 0, "test": 1, "test_b": 0}
    edema = tables["findings"].query("finding == 'Edema' and split == 'train'").iloc[0]
    assert edema[["present", "absent", "uncertain", "not mentioned"]].tolist() == [2, 2, 1, 1]
    sex = tables["groups"].query("attribute == 'sex' and split == 'train'").set_index("group")
    assert sex["images"].to_dict() == {"F": 2, "M": 2, "Unknown": 2}
    assert sex["patients"].to_dict() == {"F": 2, "M": 2, "Unknown": 1}


def test_every_table_adds_up_to_the_images(cohort: Cohort) -> None:
    tables = summarise(cohort)
    assert tables["findings"].iloc[:, 2:].to_numpy().sum() == 12 * 2
    for name in ("groups", "intersections"):
        assert tables[name].groupby("attribute")["images"].sum().eq(12).all()


def test_empty_cells_are_shown(cohort: Cohort) -> None:
    val = summarise(cohort)["intersections"].query("split == 'val'").set_index("group")["images"]
    assert val.sum() == 2
    assert (val == 0).any()


def test_side_by_side_has_one_column_a_split(cohort: Cohort) -> None:
    wide = side_by_side(summarise(cohort)["groups"])
    assert list(wide.columns) == ["attribute", "group", "train", "val", "test"]
    assert wide.query("group == 'F'")["train"].tolist() == ["2 (2)"]


def test_reports_that_name_groups_are_counted_by_group(cohort: Cohort) -> None:
    table = cohort.table.assign(report="No edema.")
    table.loc[[0, 1, 4], "report"] = ["58-year-old woman with edema.", "Black man.", "She coughs."]
    mentions = count_mentions(Cohort(cohort.root, cohort.info, table)).set_index(["attribute", "group"])
    assert mentions.loc[("", "all")].to_dict() == {"reports": 12, "sex": 3, "race": 1, "age": 1, "any": 3}
    assert mentions.loc[("sex", "F")].tolist() == [3, 2, 0, 1, 2]
    assert mentions.loc[("sex", "M"), "race"] == 1
    assert mentions.loc[("sex", "Unknown"), "reports"] == 6
    assert count_mentions(Cohort(cohort.root, cohort.info, table.assign(report=""))).empty
