"""Several cohorts as one: ids kept apart, columns reconciled only when asked, the same file refused."""

import shutil
from pathlib import Path

import pytest

from adfair.data.exclusion import without_excluded
from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.data.merge import merge
from adfair.errors import ConfigError, DataError


def other(cohort: Cohort, folder: Path, *, prefix: str = "o", **changes: object) -> Path:
    """The cohort again under another name, with its images copied and other patient ids."""
    (folder / "images").mkdir(parents=True)
    for file in (cohort.root / "images").iterdir():
        (folder / "images" / file.name).write_bytes(file.read_bytes())
    table = cohort.table.assign(patient_id=prefix + cohort.table["patient_id"])
    write_cohort(folder, cohort.info.model_copy(update={"name": "other"} | changes), table)
    return folder


def test_equal_ids_stay_two_people_and_images_are_found(cohort: Cohort, tmp_path: Path) -> None:
    folder, notes = other(cohort, tmp_path / "other", prefix=""), []
    merged = merge([cohort.root, folder], out=tmp_path / "both", note=notes.append)
    assert len(merged.table) == 24
    assert merged.table["patient_id"].nunique() == 12
    assert set(merged.table["patient_id"].str.partition("/")[0]) == {"small", "other"}
    assert load_cohort(tmp_path / "both", check_images=True).info.name == "small+other"
    assert merged.split("train")["report"].iloc[0] == cohort.table["report"].iloc[0]


def test_columns_that_differ_are_named(cohort: Cohort, tmp_path: Path) -> None:
    race = {"race": ["Asian", "Black", "White"]}
    folder = other(cohort, tmp_path / "other", findings=["Edema"], attributes=race)
    with pytest.raises(ConfigError, match="'small' has No Finding, sex, which not all"):
        merge([cohort.root, folder], out=tmp_path / "both")
    merged = merge([cohort.root, folder], out=tmp_path / "both", common=True)
    assert merged.info.findings == ["Edema"]
    assert merged.info.attributes == race


def test_refusals(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="each with a name of its own"):
        merge([cohort.root, cohort.root], out=tmp_path / "both")
    with pytest.raises(ConfigError, match="two or more cohorts"):
        merge([cohort.root], out=tmp_path / "both")
    same = tmp_path / "same"
    same.mkdir()
    info = cohort.info.model_copy(update={"name": "same", "image_root": str(cohort.root)})
    write_cohort(same, info, cohort.table)
    with pytest.raises(DataError, match="12 image files are in two of the cohorts"):
        merge([cohort.root, same], out=tmp_path / "both")
    mute = other(cohort, tmp_path / "mute")
    write_cohort(mute, load_cohort(mute).info, cohort.table.assign(report=""))
    with pytest.raises(DataError, match="has reports and another"):
        merge([cohort.root, mute], out=tmp_path / "both")
    assert not (tmp_path / "both").exists()


def test_a_cohort_is_never_replaced_by_its_merger(cohort: Cohort, tmp_path: Path) -> None:
    folder = other(cohort, tmp_path / "other")
    with pytest.raises(DataError, match="holds what is read from, which --force would remove"):
        merge([cohort.root, folder], out=cohort.root, force=True)
    assert len(load_cohort(cohort.root, check_images=True).table) == 12


def test_names_by_which_two_people_could_get_one_id(cohort: Cohort, tmp_path: Path) -> None:
    folder = other(cohort, tmp_path / "other", name="small/b")
    with pytest.raises(ConfigError, match="ids of 'small' and 'small/b' could be equal"):
        merge([cohort.root, folder], out=tmp_path / "both")


@pytest.mark.parametrize(
    ("groups", "texts"),
    [
        (["Female", "Male"], {"F": "Female", "M": "Male"}),
        (["f", "M"], {"F": "f"}),
    ],
)
def test_groups_written_in_two_ways_are_not_two_groups(
    groups: list[str], texts: dict[str, str], cohort: Cohort, tmp_path: Path
) -> None:
    folder = other(cohort, tmp_path / "other")
    info = load_cohort(folder).info
    info = info.model_copy(update={"attributes": {**info.attributes, "sex": groups}})
    write_cohort(folder, info, cohort.table.assign(sex=cohort.table["sex"].replace(texts)))
    with pytest.raises(ConfigError, match=r"'sex' is written in two ways \(F, M against"):
        merge([cohort.root, folder], out=tmp_path / "both")


def test_a_group_that_one_cohort_alone_has_is_a_group_of_both(cohort: Cohort, tmp_path: Path) -> None:
    folder = other(cohort, tmp_path / "other", attributes={**cohort.info.attributes, "sex": ["F", "M", "X"]})
    assert merge([cohort.root, folder], out=tmp_path / "both").info.attributes["sex"] == ["F", "M", "X"]


def test_patient_ids_that_many_cohorts_share_are_counted(cohort: Cohort, tmp_path: Path) -> None:
    sources, notes = [cohort.root, other(cohort, tmp_path / "other", prefix="")], []
    merge(sources, out=tmp_path / "both", note=notes.append)
    (note,) = notes
    assert note.startswith("6 of 6 patient ids are in both 'small' and 'other' and become two people each.")
    assert cohort.table["patient_id"][0] not in note
    with pytest.warns(UserWarning, match="6 of 6 patient ids"):
        merge(sources, out=tmp_path / "again")
    apart = other(cohort, tmp_path / "apart", name="apart")
    merge([cohort.root, apart], out=tmp_path / "third", note=notes.append)
    assert len(notes) == 1


def test_patients_set_aside_stay_so_where_the_merger_is_made_again(cohort: Cohort, tmp_path: Path) -> None:
    sources, out, notes = [cohort.root, other(cohort, tmp_path / "other")], tmp_path / "both", []
    merged = merge(sources, out=out)
    patient = merged.split("train")["patient_id"].iloc[0]
    (tmp_path / "list.csv").write_text(f"patient_id\n{patient}\n")
    write_cohort(out, merged.info.model_copy(update={"exclude_patients": ["../list.csv"]}), merged.table)
    again = merge(sources, out=out, force=True, note=notes.append)
    assert patient not in set(without_excluded(again)[0].split("train")["patient_id"])
    assert "is kept (../list.csv)" in notes[0]
    (tmp_path / "list.csv").unlink()
    with pytest.raises(DataError, match=r"cohort\.yaml: '\.\./list\.csv' of exclude_patients is not there"):
        merge(sources, out=out, force=True)
    shutil.rmtree(out)
    assert merge(sources, out=out, force=True).info.exclude_patients == []
