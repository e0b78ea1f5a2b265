"""The table reader: exact cohorts from small sources."""

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.data.readers.table_file import CSV, MAPPING, changed

from adfair.data.exclusion import without_excluded
from adfair.data.manifest import load_cohort, write_cohort
from adfair.data.readers import READERS, get_reader, import_table
from adfair.errors import ConfigError, DataError

UNMAPPED = "1 of the names listed in 'labels' belong to no finding of the mapping. Names that occur more than once: none."


def test_the_exact_cohort(table_source: Path, tmp_path: Path) -> None:
    report = import_table(table_source, out=tmp_path / "out", mapping=MAPPING)
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
    assert report.notes == [UNMAPPED]


def test_the_flow_and_every_raw_text_are_reported(table_source: Path, tmp_path: Path) -> None:
    report = import_table(table_source, out=tmp_path / "out", mapping=MAPPING)
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


def test_a_yaml_file_means_the_same_as_a_dict(table_source: Path, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(MAPPING, sort_keys=False))
    a = import_table(table_source, out=tmp_path / "a", mapping=MAPPING)
    b = import_table([table_source], out=tmp_path / "b", mapping=tmp_path / "m.yaml")
    assert a.cohort.info.manifest_sha256 == b.cohort.info.manifest_sha256


def test_copy_makes_the_cohort_stand_alone(table_source: Path, tmp_path: Path) -> None:
    done: list[int] = []
    import_table(table_source, out=tmp_path / "out", mapping=MAPPING, copy=True, progress=done.append)
    table_source.parent.rename(tmp_path / "gone")
    cohort = load_cohort(tmp_path / "out", check_images=True)
    assert cohort.info.image_root is None
    assert sum(done) == len(cohort.table) == 5


def test_images_are_searched_by_name(table_source: Path, tmp_path: Path) -> None:
    pictures = table_source.parent / "pictures"
    (pictures / "images_002/images").mkdir(parents=True)
    os.replace(pictures / "a/1.png", pictures / "images_002/images/1.png")
    table_source.write_text(CSV.replace("a/", ""))
    mapping = changed(images={"root": "pictures", "search": ["a", "images_*/images"]})
    import_table(table_source, out=tmp_path / "out", mapping=mapping)
    table = load_cohort(tmp_path / "out", check_images=True).table
    assert table["image_path"].tolist()[:3] == ["a/0.png", "images_002/images/1.png", "a/2.png"]


def test_a_name_in_two_searched_folders_is_refused(table_source: Path, tmp_path: Path) -> None:
    (table_source.parent / "pictures/b").mkdir()
    (table_source.parent / "pictures/b/1.png").write_bytes(b"")
    table_source.write_text(CSV.replace("a/", ""))
    with pytest.raises(
        DataError, match=r"row 2, .*: the file is in more than one of the searched folders\. Remove"
    ):
        import_table(
            table_source, out=tmp_path / "out", mapping=changed(images={"root": "pictures", "search": ["*"]})
        )


def test_missing_files_are_dropped_and_counted_where_asked(table_source: Path, tmp_path: Path) -> None:
    (table_source.parent / "pictures/a/0.png").unlink()
    mapping = changed(images={"root": "pictures", "missing": "drop"})
    report = import_table(table_source, out=tmp_path / "out", mapping=mapping)
    assert report.flow.iloc[-1].tolist() == ["the image file is there", 1, 4, 4]
    assert report.groups.query("attribute == 'sex' and raw == 'Female'")["images"].tolist() == [1]


def test_patients_are_split_by_seed_where_the_source_has_no_split(table_source: Path, tmp_path: Path) -> None:
    mapping = changed(split={"fractions": {"train": 0.5, "test": 0.5}})
    report = import_table(table_source, out=tmp_path / "out", mapping=mapping, seed=1)
    assert report.cohort.table.groupby("split")["patient_id"].nunique().to_dict() == {"train": 2, "test": 2}
    assert report.notes == [UNMAPPED, "No image is in split val; map the source's own names to these."]


def test_without_patient_id_each_image_is_a_patient_and_this_is_said(
    table_source: Path, tmp_path: Path
) -> None:
    report = import_table(table_source, out=tmp_path / "out", mapping=changed(patient_id=None))
    assert report.cohort.table["patient_id"].tolist() == report.cohort.table["image_id"].tolist()
    assert "each image counts as a patient" in report.notes[0]


def test_invalid_ages_are_unknown_and_counted_where_asked(table_source: Path, tmp_path: Path) -> None:
    table_source.write_text(CSV.replace("058Y", "414"))
    report = import_table(
        table_source, out=tmp_path / "out", mapping=changed(age={"column": "years", "invalid": "unknown"})
    )
    assert np.isnan(report.cohort.table["age"][0])
    assert report.notes == ["1 cells of age were no age and are set to unknown.", UNMAPPED]


def test_other_texts_are_unknown_where_asked(table_source: Path, tmp_path: Path) -> None:
    table_source.write_text(CSV.replace("p1,Male", "p1,?"))
    attributes = copy.deepcopy(MAPPING["attributes"])
    attributes["sex"]["other"] = "unknown"
    report = import_table(table_source, out=tmp_path / "out", mapping=changed(attributes=attributes))
    assert report.groups.query("raw == '?'")[["group", "images"]].to_numpy().tolist() == [["Unknown", 1]]


def test_a_finished_cohort_needs_force(table_source: Path, tmp_path: Path) -> None:
    first = import_table(table_source, out=tmp_path / "out", mapping=MAPPING)
    with pytest.raises(DataError, match=r"already there\. Add --force"):
        import_table(table_source, out=tmp_path / "out", mapping=MAPPING)
    second = import_table(table_source, out=tmp_path / "out", mapping=changed(name="other"), force=True)
    assert first.cohort.info.name == "tiny"
    assert load_cohort(tmp_path / "out").info.name == second.cohort.info.name == "other"


def test_the_registry_names_its_readers() -> None:
    assert get_reader("table") is READERS["table"]
    with pytest.raises(ConfigError, match="no reader 'dicom'; there are: table"):
        get_reader("dicom")


def test_a_map_may_swap_texts(table_source: Path, tmp_path: Path) -> None:
    attributes = copy.deepcopy(MAPPING["attributes"])
    attributes["sex"] = {
        "column": "sexe",
        "groups": ["Female", "Male"],
        "map": {"Female": "Male", "Male": "Female"},
    }
    report = import_table(table_source, out=tmp_path / "out", mapping=changed(attributes=attributes))
    assert report.cohort.table["sex"].tolist() == ["Male", "Male", "Female", "Female", "Unknown"]


def test_two_sexes_of_one_patient_are_refused_or_unknown_but_two_views_are_not(
    table_source: Path, tmp_path: Path
) -> None:
    table_source.write_text(CSV.replace("a/1.png,p0,Female", "a/1.png,p0,Male"))
    with pytest.raises(
        DataError, match="row 2, column 'sex': this patient has another sex in an earlier row"
    ):
        import_table(table_source, out=tmp_path / "out", mapping=MAPPING)
    view = {"column": "vue", "groups": ["AP", "PA"]}

    def attributes(policy: str) -> dict[str, Any]:
        return {"sex": MAPPING["attributes"]["sex"] | {"conflicting": policy}, "view": view}

    kept = import_table(
        table_source, out=tmp_path / "a", mapping=changed(attributes=attributes("keep"), view=None)
    )
    assert kept.cohort.table["sex"].tolist()[:3] == ["F", "M", "M"]
    unknown = import_table(
        table_source, out=tmp_path / "b", mapping=changed(attributes=attributes("unknown"), view=None)
    )
    assert unknown.cohort.table["sex"].tolist()[:3] == ["Unknown", "Unknown", "M"]
    assert unknown.cohort.table["view"].tolist()[:2] == ["AP", "PA"]
    assert "1 patients have two groups of sex: set to unknown." in unknown.notes


def test_rows_without_a_report_where_others_have_one(table_source: Path, tmp_path: Path) -> None:
    report = {"column": "labels"}
    with pytest.raises(
        DataError,
        match=r"row 4, column 'labels' \(our 'report'\): the report is empty, .*'no_text: drop' or 'no_text: l",
    ):
        import_table(table_source, out=tmp_path / "out", mapping=changed(report=report))
    dropped = import_table(table_source, out=tmp_path / "a", mapping=changed(report=report, no_text="drop"))
    assert dropped.cohort.table["image_id"].tolist() == ["0", "1", "2", "4"]
    assert dropped.flow.iloc[-1].tolist() == ["the report is not empty", 1, 4, 3]
    told = import_table(table_source, out=tmp_path / "b", mapping=changed(report=report, no_text="labels"))
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


def test_a_cohort_is_never_replaced_by_an_import_from_it(table_source: Path, tmp_path: Path) -> None:
    import_table(table_source, out=tmp_path / "out", mapping=MAPPING, copy=True)
    moved = table_source.rename(tmp_path / "out/data.csv")
    elsewhere = changed(images={"root": "."})
    with pytest.raises(DataError, match="holds what is read from, which --force would remove"):
        import_table(moved, out=tmp_path / "out", mapping=elsewhere, force=True)
    assert moved.is_file()


def test_patients_set_aside_stay_so_where_the_table_is_imported_again(
    table_source: Path, tmp_path: Path
) -> None:
    first = import_table(table_source, out=tmp_path / "out", mapping=MAPPING).cohort
    (tmp_path / "list.csv").write_text("patient_id\np0\n")
    info = first.info.model_copy(update={"exclude_patients": ["../list.csv"]})
    write_cohort(tmp_path / "out", info, first.table)
    again = import_table(table_source, out=tmp_path / "out", mapping=MAPPING, force=True)
    assert "p0" not in set(without_excluded(again.cohort)[0].table["patient_id"])
    assert "is kept (../list.csv)" in again.notes[-1]
    (tmp_path / "list.csv").unlink()
    with pytest.raises(DataError, match="of exclude_patients is not there"):
        import_table(table_source, out=tmp_path / "out", mapping=MAPPING, force=True)
    assert load_cohort(tmp_path / "out").info.exclude_patients == ["../list.csv"]
