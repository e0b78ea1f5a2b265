"""The table reader: exact cohorts from small sources, and every wrong source refused with nothing written."""

import copy
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from adfair.data.manifest import load_cohort
from adfair.data.readers import READERS, get_reader, import_table
from adfair.errors import AdfairError, ConfigError, DataError

CSV = """file,pid,sexe,race,vue,years,labels,edema,fold,dup,origin
a/0.png,p0,Female,WHITE,AP,058Y,Mass|Effusion,yes,tr,,site1
a/1.png,p0,Female,WHITE,PA,58,No Finding,no,tr,,site1
a/2.png,p1,Male,BLACK/CARIBBEAN ISLAND,AP,,Mass,maybe,va,,site1
a/3.png,p2,Male,DECLINED,PA,6M,,,te,,site1
a/4.png,p3,,ASIAN,PA,30.5,Effusion,no,te,,site1
a/5.png,p4,Male,ASIAN,PA,30,Effusion,no,te,a/4.png,site1
a/6.png,p5,Male,ASIAN,PA,30,Effusion,no,te,,site2
"""
MAPPING: dict[str, Any] = {
    "name": "tiny",
    "images": {"root": "pictures"},
    "keep": [{"column": "origin", "equals": "site1"}, {"column": "dup", "empty": True}],
    "image_id": {"column": "file", "stem": True},
    "patient_id": "pid",
    "study_id": {"template": "{pid}-{vue}"},
    "image_path": "file",
    "view": {"template": "frontal"},
    "age": "years",
    "split": {"column": "fold", "map": {"tr": "train", "va": "val", "te": "test"}},
    "attributes": {
        "sex": {"column": "sexe", "groups": ["F", "M"], "map": {"Female": "F", "Male": "M"}},
        "race": {
            "column": "race",
            "groups": ["Asian", "Black", "White"],
            "map": {"WHITE": "White", "BLACK/CARIBBEAN ISLAND": "Black", "ASIAN": "Asian", "DECLINED": ""},
        },
    },
    "findings": {"Edema": {"column": "edema", "map": {"yes": 1, "no": 0, "maybe": -1}}},
    "labels": {"column": "labels", "findings": {"Mass": ["Mass"], "Any": ["Mass", "Effusion"]}},
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "pictures/a").mkdir(parents=True)
    for i in range(7):
        Image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(folder / f"pictures/a/{i}.png")
    (folder / "data.csv").write_text(CSV)
    return folder / "data.csv"


def _changed(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(MAPPING) | changes


def test_the_exact_cohort(source: Path, tmp_path: Path) -> None:
    report = import_table(source, out=tmp_path / "out", mapping=MAPPING)
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_id"].tolist() == ["0", "1", "2", "3", "4"]
    assert table["study_id"].tolist() == ["p0-AP", "p0-PA", "p1-AP", "p2-PA", "p3-PA"]
    assert table["split"].tolist() == ["train", "train", "val", "test", "test"]
    assert table["view"].unique().tolist() == ["frontal"]
    np.testing.assert_array_equal(table["age"], [58, 58, np.nan, 0.5, 30.5])
    assert table["sex"].tolist() == ["F", "F", "M", "M", "Unknown"]
    assert table["race"].tolist() == ["White", "White", "Black", "Unknown", "Asian"]
    np.testing.assert_array_equal(table["Edema"], [1, 0, -1, np.nan, 0])
    np.testing.assert_array_equal(table["Mass"], [1, 0, 1, np.nan, 0])
    np.testing.assert_array_equal(table["Any"], [1, 0, 1, np.nan, 1])
    assert report.cohort.info.splits == ["train", "val", "test"]
    assert not report.notes


def test_the_flow_and_every_raw_text_are_reported(source: Path, tmp_path: Path) -> None:
    report = import_table(source, out=tmp_path / "out", mapping=MAPPING)
    assert report.flow[["dropped", "images", "patients"]].to_numpy().tolist() == [
        [0, 7, 6],
        [1, 6, 5],
        [1, 5, 4],
    ]
    race = report.groups.query("attribute == 'race'").set_index("raw")
    assert race["group"].to_dict() == {
        "ASIAN": "Asian", "BLACK/CARIBBEAN ISLAND": "Black", "WHITE": "White", "DECLINED": "Unknown",
    }  # fmt: skip
    assert race.loc["WHITE", ["images", "patients"]].tolist() == [2, 1]
    sex = report.groups.query("attribute == 'sex' and raw == ''")
    assert sex[["group", "images", "patients"]].to_numpy().tolist() == [["Unknown", 1, 1]]


def test_a_yaml_file_means_the_same_as_a_dict(source: Path, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(MAPPING, sort_keys=False))
    a = import_table(source, out=tmp_path / "a", mapping=MAPPING)
    b = import_table([source], out=tmp_path / "b", mapping=tmp_path / "m.yaml")
    assert a.cohort.info.manifest_sha256 == b.cohort.info.manifest_sha256


def test_copy_makes_the_cohort_stand_alone(source: Path, tmp_path: Path) -> None:
    done: list[int] = []
    import_table(source, out=tmp_path / "out", mapping=MAPPING, copy=True, progress=done.append)
    source.parent.rename(tmp_path / "gone")
    cohort = load_cohort(tmp_path / "out", check_images=True)
    assert cohort.info.image_root is None
    assert sum(done) == len(cohort.table) == 5


def test_images_are_searched_by_name(source: Path, tmp_path: Path) -> None:
    pictures = source.parent / "pictures"
    (pictures / "images_002/images").mkdir(parents=True)
    os.replace(pictures / "a/1.png", pictures / "images_002/images/1.png")
    source.write_text(CSV.replace("a/", ""))
    mapping = _changed(images={"root": "pictures", "search": ["a", "images_*/images"]})
    import_table(source, out=tmp_path / "out", mapping=mapping)
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_path"].tolist()[:3] == ["a/0.png", "images_002/images/1.png", "a/2.png"]


def test_a_name_in_two_searched_folders_is_refused(source: Path, tmp_path: Path) -> None:
    (source.parent / "pictures/b").mkdir()
    (source.parent / "pictures/b/1.png").write_bytes(b"")
    source.write_text(CSV.replace("a/", ""))
    with pytest.raises(
        DataError, match=r"row 2, .*: the file is in more than one of the searched folders\. Remove"
    ):
        import_table(
            source, out=tmp_path / "out", mapping=_changed(images={"root": "pictures", "search": ["*"]})
        )


def test_missing_files_are_dropped_and_counted_where_asked(source: Path, tmp_path: Path) -> None:
    (source.parent / "pictures/a/0.png").unlink()
    mapping = _changed(images={"root": "pictures", "missing": "drop"})
    report = import_table(source, out=tmp_path / "out", mapping=mapping)
    assert report.flow.iloc[-1].tolist() == ["the image file is there", 1, 4, 4]
    assert report.groups.query("attribute == 'sex' and raw == 'Female'")["images"].tolist() == [1]


def test_patients_are_split_by_seed_where_the_source_has_no_split(source: Path, tmp_path: Path) -> None:
    mapping = _changed(split={"fractions": {"train": 0.5, "test": 0.5}})
    report = import_table(source, out=tmp_path / "out", mapping=mapping, seed=1)
    assert report.cohort.table.groupby("split")["patient_id"].nunique().to_dict() == {"train": 2, "test": 2}
    assert report.notes == ["No image is in split val; map the source's own names to these."]


def test_without_patient_id_each_image_is_a_patient_and_this_is_said(source: Path, tmp_path: Path) -> None:
    report = import_table(source, out=tmp_path / "out", mapping=_changed(patient_id=None))
    assert report.cohort.table["patient_id"].tolist() == report.cohort.table["image_id"].tolist()
    assert "each image counts as a patient" in report.notes[0]


def test_invalid_ages_are_unknown_and_counted_where_asked(source: Path, tmp_path: Path) -> None:
    source.write_text(CSV.replace("058Y", "414"))
    report = import_table(
        source, out=tmp_path / "out", mapping=_changed(age={"column": "years", "invalid": "unknown"})
    )
    assert np.isnan(report.cohort.table["age"][0])
    assert report.notes == ["1 cells of age were no age and are set to unknown."]


def test_other_texts_are_unknown_where_asked(source: Path, tmp_path: Path) -> None:
    source.write_text(CSV.replace("p1,Male", "p1,?"))
    attributes = copy.deepcopy(MAPPING["attributes"])
    attributes["sex"]["other"] = "unknown"
    report = import_table(source, out=tmp_path / "out", mapping=_changed(attributes=attributes))
    assert report.groups.query("raw == '?'")[["group", "images"]].to_numpy().tolist() == [["Unknown", 1]]


BAD_SOURCES: list[tuple[str, str, str]] = [
    (
        "a/1.png,p0",
        "a/0.png,p0",
        "row 2, column 'file' (our 'image_id'): this image_id is already used in row 1. Remove",
    ),
    (
        "a/3.png,p2",
        "a/3.png,p1",
        "row 4, column 'pid' (our 'patient_id'): the patient of this row is in split 'test' and also",
    ),
    ("a/2.png,p1", "a/2.png,", "row 3, column 'pid' (our 'patient_id'): the cell is empty. Give"),
    ("p1,Male", "p1,?", "row 3, column 'sex': text '?' has no group. Add it to the map of 'sex'"),
    ("6M", "6Q", "row 4, column 'years': not an age from 0 to 120 years. Correct the cell, or set 'invalid"),
    ("058Y", "nan", "row 1, column 'years': not an age from 0 to 120 years"),
    ("maybe", "perhaps", "row 3, column 'edema': the cell is no label. Add it to the map of 'Edema'"),
    (
        "a/4.png,p3",
        "a/44.png,p3",
        "row 5, column 'file' (our 'image_path'): no such image file. Expected below",
    ),
    (
        "a/4.png,p3",
        "../a/4.png,p3",
        "row 5, column 'file' (our 'image_path'): not a path inside the image folder. Paths",
    ),
    (
        "a/4.png,p3",
        "/a/4.png,p3",
        "row 5, column 'file' (our 'image_path'): not a path inside the image folder. Paths",
    ),
    (",fold,", ",", "row 1: 11 cells where the header has 10. Put quotes"),
    (",fold,", ",fald,", "column 'fold': the mapping names a column that the table lacks. It has: file, pid"),
    ("site1", "site3", "no row is left after 'keep'. Correct the filters"),
    (
        "Mass",
        "Nodule",
        "column 'labels': no row lists the finding 'Mass'. Names that occur: Nodule, Effusion",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD_SOURCES)
def test_a_wrong_source_is_refused_and_nothing_is_written(
    old: str, new: str, message: str, source: Path, tmp_path: Path, unchanged: Callable[[], None]
) -> None:
    assert old in CSV
    source.write_text(CSV.replace(old, new))
    unchanged()
    with pytest.raises(DataError, match=re.escape(message)):
        import_table(source, out=tmp_path / "out", mapping=MAPPING, copy=True)
    unchanged()
    assert not (tmp_path / "out").exists()


def test_rows_are_those_of_the_source_although_some_were_dropped(source: Path, tmp_path: Path) -> None:
    header, *rows = CSV.splitlines(keepends=True)
    source.write_text(header + "".join(rows[::-1]).replace("p0,Female,WHITE,AP", "p0,Female,PURPLE,AP"))
    with pytest.raises(DataError, match=r"data\.csv, row 7, column 'race': text 'PURPLE'"):
        import_table(source, out=tmp_path / "out", mapping=MAPPING)


def test_a_linked_image_out_of_the_folder_is_refused(source: Path, tmp_path: Path) -> None:
    (source.parent / "pictures/a/4.png").unlink()
    (source.parent / "pictures/a/4.png").symlink_to(source)
    with pytest.raises(
        DataError,
        match=r"row 5, column 'file' \(our 'image_path'\): a symbolic link leads out of the image folder",
    ):
        import_table(source, out=tmp_path / "out", mapping=MAPPING)


BAD_MAPPINGS: list[tuple[dict[str, Any], str]] = [
    ({"image_id": {}}, "image_id: .*give either 'column' or 'template'"),
    ({"image_id": {"column": "file", "template": "x"}}, "image_id: .*give either"),
    ({"patients": "pid"}, "patients: unknown key"),
    ({"attributes": {}}, "attributes: .*at least 1 item"),
    ({"keep": [{"column": "dup"}]}, r"keep\.0: .*give one of 'equals'"),
    ({"findings": {}, "labels": None}, "no finding: give 'findings' or 'labels'"),
    ({"split": {"column": "fold", "fractions": {"train": 1.0}}}, "split: .*give one of 'column'"),
    ({"split": {"fractions": {"train": 0.5}}}, "split fractions: expected positive numbers that sum to 1"),
    (
        {"attributes": {"age": {"column": "years", "groups": ["a"]}}},
        "attribute 'age' has the name of a fixed column",
    ),
]


@pytest.mark.parametrize(("change", "message"), BAD_MAPPINGS)
def test_a_wrong_mapping_is_refused(
    change: dict[str, Any], message: str, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(AdfairError, match=message):
        import_table(source, out=tmp_path / "out", mapping=_changed(**change))
    assert not (tmp_path / "out").exists()


def test_mapping_and_source_must_be_there(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs --mapping FILE"):
        import_table(source, out=tmp_path / "out")
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        import_table(source, out=tmp_path / "out", mapping=tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="takes one table, not 2"):
        import_table([source, source], out=tmp_path / "out", mapping=MAPPING)
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match=r"broken\.yaml, line \d: not valid YAML"):
        import_table(source, out=tmp_path / "out", mapping=tmp_path / "broken.yaml")


def test_a_finished_cohort_needs_force(source: Path, tmp_path: Path) -> None:
    first = import_table(source, out=tmp_path / "out", mapping=MAPPING)
    with pytest.raises(DataError, match=r"already there\. Add --force"):
        import_table(source, out=tmp_path / "out", mapping=MAPPING)
    second = import_table(source, out=tmp_path / "out", mapping=_changed(name="other"), force=True)
    assert first.cohort.info.name == "tiny"
    assert load_cohort(tmp_path / "out").info.name == second.cohort.info.name == "other"


def test_the_registry_names_its_readers() -> None:
    assert get_reader("table") is READERS["table"]
    with pytest.raises(ConfigError, match="no reader 'dicom'; there are: table"):
        get_reader("dicom")


def test_a_map_may_swap_texts(source: Path, tmp_path: Path) -> None:
    attributes = copy.deepcopy(MAPPING["attributes"])
    attributes["sex"] = {
        "column": "sexe",
        "groups": ["Female", "Male"],
        "map": {"Female": "Male", "Male": "Female"},
    }
    report = import_table(source, out=tmp_path / "out", mapping=_changed(attributes=attributes))
    assert report.cohort.table["sex"].tolist() == ["Male", "Male", "Female", "Female", "Unknown"]


def test_two_sexes_of_one_patient_are_refused_or_unknown_but_two_views_are_not(
    source: Path, tmp_path: Path
) -> None:
    source.write_text(CSV.replace("a/1.png,p0,Female", "a/1.png,p0,Male"))
    with pytest.raises(
        DataError, match="row 2, column 'sex': this patient has another sex in an earlier row"
    ):
        import_table(source, out=tmp_path / "out", mapping=MAPPING)
    view = {"column": "vue", "groups": ["AP", "PA"]}

    def attributes(policy: str) -> dict[str, Any]:
        return {"sex": MAPPING["attributes"]["sex"] | {"conflicting": policy}, "view": view}

    kept = import_table(
        source, out=tmp_path / "a", mapping=_changed(attributes=attributes("keep"), view=None)
    )
    assert kept.cohort.table["sex"].tolist()[:3] == ["F", "M", "M"]
    unknown = import_table(
        source, out=tmp_path / "b", mapping=_changed(attributes=attributes("unknown"), view=None)
    )
    assert unknown.cohort.table["sex"].tolist()[:3] == ["Unknown", "Unknown", "M"]
    assert unknown.cohort.table["view"].tolist()[:2] == ["AP", "PA"]
    assert "1 patients have two groups of sex: set to unknown." in unknown.notes


def test_rows_without_a_report_where_others_have_one(source: Path, tmp_path: Path) -> None:
    report = {"column": "labels"}
    with pytest.raises(
        DataError,
        match=r"row 4, column 'labels' \(our 'report'\): the report is empty, .*'no_text: drop' or 'no_text: l",
    ):
        import_table(source, out=tmp_path / "out", mapping=_changed(report=report))
    dropped = import_table(source, out=tmp_path / "a", mapping=_changed(report=report, no_text="drop"))
    assert dropped.cohort.table["image_id"].tolist() == ["0", "1", "2", "4"]
    assert dropped.flow.iloc[-1].tolist() == ["the report is not empty", 1, 4, 3]
    told = import_table(source, out=tmp_path / "b", mapping=_changed(report=report, no_text="labels"))
    texts = told.cohort.table["report"].tolist()
    assert texts[:3] == ["Mass|Effusion", "No Finding", "Mass"]
    assert texts[3].strip()
    assert "1 rows without a report speak by their labels." in told.notes


def test_a_drawn_split_shares_out_the_groups(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    n = 40
    lines = ["file,pid,sexe,edema", *(f"i{i}.png,p{i},{'Female' if i < 4 else 'Male'},no" for i in range(n))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    for i in range(n):
        (tmp_path / f"i{i}.png").write_bytes(b"")
    keys = ("image_id", "image_path", "patient_id")
    mapping = {key: MAPPING[key] for key in keys} | {
        "name": "drawn",
        "split": {"fractions": {"train": 0.5, "test": 0.5}},
    }
    mapping |= {"attributes": {"sex": MAPPING["attributes"]["sex"]}, "findings": MAPPING["findings"]}
    for seed in range(5):
        table = import_table(
            tmp_path / "t.csv", out=tmp_path / f"out{seed}", mapping=mapping, seed=seed
        ).cohort.table
        assert table.groupby("split")["sex"].apply(lambda sex: (sex == "F").sum()).tolist() == [2, 2]


def test_a_cohort_is_never_replaced_by_an_import_from_it(source: Path, tmp_path: Path) -> None:
    import_table(source, out=tmp_path / "out", mapping=MAPPING, copy=True)
    moved = source.rename(tmp_path / "out/data.csv")
    changed = _changed(images={"root": "."})
    with pytest.raises(DataError, match="holds what is read from, which --force would remove"):
        import_table(moved, out=tmp_path / "out", mapping=changed, force=True)
    assert moved.is_file()
