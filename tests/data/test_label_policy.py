"""Uncertain labels by policy, and labels of a study on each of its images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.data.label_policy import POLICIES, apply_uncertain, join_studies
from adfair.errors import ConfigError, DataError

GIVEN = np.array([[1.0, 0.0, -1.0, np.nan], [-1.0, np.nan, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("policy", "becomes"), [("ones", 1.0), ("zeros", 0.0), ("ignore", np.nan), ("keep", -1.0)]
)
def test_only_uncertain_labels_change(policy: str, becomes: float) -> None:
    before = GIVEN.copy()
    expected = [[1, 0, becomes, np.nan], [becomes, np.nan, 0, 1]]
    np.testing.assert_array_equal(apply_uncertain(GIVEN, policy), np.array(expected, dtype=float))
    np.testing.assert_array_equal(GIVEN, before)


def test_an_unknown_policy_is_refused() -> None:
    assert set(POLICIES) == {"ones", "zeros", "ignore", "keep"}
    with pytest.raises(ConfigError, match="ones, zeros, ignore, keep"):
        apply_uncertain(GIVEN, "u-ones")


@pytest.fixture
def images() -> pd.DataFrame:
    return pd.DataFrame({"study": ["s1", "s2", "s1", "s3"], "image": list("abcd")}, index=[4, 7, 8, 9])


def test_images_take_the_labels_of_their_study(images: pd.DataFrame) -> None:
    studies = pd.DataFrame({"study": ["s2", "s1", "s9", "s1"], "Edema": ["0", "1", "1", "1"]})
    joined, listed = join_studies(images, studies, on=["study"], file=Path("labels.csv"))
    assert joined.index.tolist() == [4, 7, 8, 9]
    assert joined["Edema"].tolist() == ["1", "0", "1", ""]
    assert joined["image"].tolist() == list("abcd")
    assert listed.tolist() == [True, True, True, False]


def test_a_study_with_two_readings_is_refused_with_its_row(images: pd.DataFrame) -> None:
    studies = pd.DataFrame({"study": ["s1", "s2", "s1"], "Edema": ["1", "0", "-1"]})
    with pytest.raises(DataError, match=r"labels\.csv, row 3, column 'study': the study is listed before"):
        join_studies(images, studies, on=["study"], file=Path("labels.csv"))
