"""Several cohorts as one: ids kept apart, columns reconciled only when asked, the same file refused."""

from pathlib import Path

import pytest

from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.data.merge import merge
from adfair.errors import ConfigError, DataError


def other(cohort: Cohort, folder: Path, **changes: object) -> Path:
    """The cohort again under another name, with its images copied."""
    (folder / "images").mkdir(parents=True)
    for file in (cohort.root / "images").iterdir():
        (folder / "images" / file.name).write_bytes(file.read_bytes())
    write_cohort(folder, cohort.info.model_copy(update={"name": "other"} | changes), cohort.table)
    return folder


def test_equal_ids_stay_two_people_and_images_are_found(cohort: Cohort, tmp_path: Path) -> None:
    merged = merge([cohort.root, other(cohort, tmp_path / "other")], out=tmp_path / "both")
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
