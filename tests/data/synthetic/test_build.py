import hashlib
from pathlib import Path

import pytest

from adfair.data.images import load_images
from adfair.data.manifest import load_cohort
from adfair.data.scrub import count_demographics
from adfair.data.synthetic import PRESETS, SPLITS, synth
from adfair.errors import ConfigError, DataError


def digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synth(tmp_path_factory.mktemp("synth") / "cohort", n_train=120, n_test=120, seed=3)


def test_it_is_a_valid_cohort_with_every_split(small: Path) -> None:
    cohort = load_cohort(small, check_images=True)
    sizes = cohort.table["split"].value_counts().to_dict()
    assert sizes == {
        "train": 120,
        "val": 60,
        "test": 120,
        "test_reversed": 40,
        "test_5x90": 450,
        "probe": 120,
    }
    assert cohort.info.splits == list(SPLITS)
    assert load_images(cohort, cohort.split("val"), size=64).shape == (60, 64, 64)


def test_same_seed_same_bytes_and_another_seed_others(small: Path, tmp_path: Path) -> None:
    again = synth(tmp_path / "again", n_train=120, n_test=120, seed=3)
    other = synth(tmp_path / "other", n_train=120, n_test=120, seed=4)
    assert digest(again) == digest(small)
    assert digest(other) != digest(small)


def test_ceiling_changes_the_training_data_alone(small: Path, tmp_path: Path) -> None:
    ceiling = load_cohort(synth(tmp_path / "c", n_train=120, n_test=120, seed=3, ceiling=True))
    biased = load_cohort(small)
    for split in SPLITS:
        same = ceiling.split(split).equals(biased.split(split))
        assert same == (split not in ("train", "val")), split


def test_refusals(small: Path, tmp_path: Path) -> None:
    before = digest(small)
    with pytest.raises(DataError, match="--force"):
        synth(small, n_train=120, n_test=120)
    with pytest.raises(ConfigError, match="choose one of default"):
        synth(tmp_path / "x", preset="no-such")
    with pytest.raises(ConfigError, match="at least 60"):
        synth(tmp_path / "x", n_train=10)
    assert not (tmp_path / "x").exists()
    assert digest(small) == before


def test_presets_are_the_documented_eight() -> None:
    assert set(PRESETS) == {
        "default",
        "wide",
        "none",
        "weak",
        "extreme",
        "under_reporting",
        "minority",
        "quality",
    }


def test_reports_can_be_kept_from_naming_anybody(tmp_path: Path) -> None:
    cohort = load_cohort(synth(tmp_path / "c", preset="weak", n_train=120, n_test=60, mention=0.0))
    assert not count_demographics(cohort.table["report"].tolist()).any(axis=None)
    with pytest.raises(ConfigError, match="a share from 0 to 1"):
        synth(tmp_path / "d", n_train=120, n_test=60, mention=2.0)
