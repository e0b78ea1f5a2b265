"""The contact sheet: the right image in each place, and nothing from outside the cohort."""

import base64
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from adfair.reporting.samples import NO_FINDING, sample_sheet


@pytest.fixture
def cohort(fake: SimpleNamespace, tmp_path: Path) -> Path:
    fake.cohort(tmp_path / "cohort", np.random.default_rng(0))
    return tmp_path / "cohort"


def _info(root: Path) -> dict[str, object]:
    return yaml.safe_load((root / "cohort.yaml").read_text(encoding="utf-8"))


def test_each_place_holds_the_image_of_its_group_and_finding(cohort: Path) -> None:
    sheet = sample_sheet(cohort, _info(cohort), attribute="race")
    assert sheet is not None
    assert sheet.columns[0] == NO_FINDING
    table = pd.read_csv(cohort / "manifest.csv")
    for group, images in sheet.rows:
        for column, sample in zip(sheet.columns, images, strict=True):
            rows = table[table["race"] == group]
            findings = list(sheet.columns[1:])
            wanted = (
                rows[rows[findings].sum(axis=1) == 0] if column == NO_FINDING else rows[rows[column] == 1]
            )
            assert sample is not None
            encoded = sample.data_uri.removeprefix("data:image/png;base64,")
            shown = Image.open(io.BytesIO(base64.b64decode(encoded)))
            original = Image.open(cohort / wanted["image_path"].iloc[0])
            np.testing.assert_array_equal(np.asarray(shown), np.asarray(original))


def test_a_path_that_leaves_the_cohort_is_not_read(cohort: Path) -> None:
    Image.new("L", (8, 8)).save(cohort.parent / "private.png")
    table = pd.read_csv(cohort / "manifest.csv")
    table["image_path"] = "../private.png"
    table.to_csv(cohort / "manifest.csv", index=False)
    sheet = sample_sheet(cohort, _info(cohort), attribute="race")
    assert sheet is not None
    assert all(sample is None for _, images in sheet.rows for sample in images)


def test_without_a_cohort_or_attribute_there_is_no_sheet(cohort: Path, tmp_path: Path) -> None:
    assert sample_sheet(tmp_path / "nowhere", _info(cohort), attribute="race") is None
    assert sample_sheet(cohort, _info(cohort), attribute="age") is None


def test_a_file_that_is_no_image_says_so_in_its_place(cohort: Path) -> None:
    (cohort / "images" / "0.png").write_bytes(b"no image at all")
    sheet = sample_sheet(cohort, _info(cohort), attribute="race")
    assert sheet is not None
    samples = [sample for _, images in sheet.rows for sample in images if sample is not None]
    assert [s.description for s in samples if s.fault] == ["Asian, No finding"]
    assert {s.fault for s in samples} == {"", "image not readable"}
