"""Listed patients leave the splits that models are fitted to and chosen by, and no other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.data.exclusion import read_patients, without_excluded
from adfair.data.manifest import Cohort, load_cohort, write_cohort
from adfair.errors import DataError


def listed(folder: Path, text: str = "patient_id\np0\np3\np4\nelsewhere\n") -> Path:
    file = folder / "exclude_patients.csv"
    file.write_text(text)
    return file


def test_train_and_val_lose_them_and_test_does_not(cohort: Cohort, tmp_path: Path) -> None:
    kept, record = without_excluded(cohort, [listed(tmp_path)])
    assert sorted(set(cohort.table["patient_id"]) - set(kept.table["patient_id"])) == ["p0", "p3"]
    assert len(kept.split("test")) == len(cohort.split("test"))
    facts = record["exclude_patients"]
    assert facts["patients"] == 4
    assert facts["images_left_out"] == {"train": 2, "val": 2}


def test_without_a_list_nothing_changes(cohort: Cohort) -> None:
    kept, record = without_excluded(cohort)
    assert kept is cohort
    assert record == {}


def test_a_cohort_names_its_lists_itself(cohort: Cohort, tmp_path: Path) -> None:
    listed(cohort.root)
    info = cohort.info.model_copy(update={"exclude_patients": ["exclude_patients.csv"]})
    write_cohort(cohort.root, info, cohort.table)
    named = load_cohort(cohort.root)
    assert named.info.exclude_patients == ["exclude_patients.csv"]
    assert len(without_excluded(named)[0].table) == len(cohort.table) - 4


def test_a_cohort_folder_stands_for_all_its_patients(cohort: Cohort) -> None:
    assert read_patients(cohort.root) == {f"p{i}" for i in range(6)}


def test_refusals(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such list of patients"):
        without_excluded(cohort, [tmp_path / "gone.csv"])
    with pytest.raises(DataError, match="column 'patient_id': the column is absent"):
        read_patients(listed(tmp_path, "id\np0\n"))
    everyone = "patient_id\n" + "\n".join(f"p{i}" for i in range(6))
    with pytest.raises(DataError, match="no images in split 'train'"):
        without_excluded(cohort, [listed(tmp_path, everyone)])[0].split("train")


def test_a_list_of_which_nobody_is_in_the_cohort_is_refused(cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of its 2 patients is in the cohort .*puts a name in front"):
        without_excluded(cohort, [listed(tmp_path, "patient_id\nnih/p0\nnih/p3\n")])


def test_whoever_is_planted_in_training_is_found(cohort: Cohort, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    for k in range(50):
        n = int(rng.integers(3, 40))
        table = pd.DataFrame({"patient_id": rng.integers(n, size=n).astype(str), "split": "test"})
        table["split"] = rng.choice(["train", "val", "test"], size=n)[table["patient_id"].astype(int)]
        planted = rng.choice(table["patient_id"], size=2)
        file = listed(tmp_path, "patient_id\n" + "\n".join(planted) + f"\nnobody{k}\n")
        kept, _ = without_excluded(Cohort(cohort.root, cohort.info, table), [file])
        left = kept.table[kept.table["split"].ne("test")]
        assert not left["patient_id"].isin(planted).any()
        gone = table["split"].ne("test") & table["patient_id"].isin(planted)
        assert len(kept.table) == len(table) - gone.sum()
