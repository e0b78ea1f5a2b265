"""Missed images: the lowest-scored positive of each group below the threshold, and nothing else of the cohort."""

import base64
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.auditing.formats import load_predictions
from adfair.data.manifest import write_cohort
from adfair.data.schema import CohortInfo
from adfair.errors import DataError
from adfair.reporting.data import ReportData
from adfair.reporting.missed import missed_sheet
from adfair.reporting.render import render
from adfair.reporting.tables import read_table

# Scores of images with the finding (a, b, c, e) and without it (d, f); the threshold is .5.
ROWS = {"a": ("F", 1, 0.4), "b": ("F", 1, 0.2), "c": ("F", 1, 0.9), "d": ("F", 0, 0.1)}
ROWS |= {"e": ("M", 1, 0.6), "f": ("M", 0, 0.05)}
SHADES = {name: 40 * i for i, name in enumerate(ROWS)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cohort of plain grey images, each of its own shade."""
    folder = tmp_path / "cohort"
    folder.mkdir()
    for name, shade in SHADES.items():
        Image.new("L", (8, 8), shade).save(folder / f"{name}.png")
    table = pd.DataFrame({"image_id": list(ROWS), "image_path": [f"{name}.png" for name in ROWS]})
    table.to_csv(folder / "manifest.csv", index=False)
    return folder


def _data(fake: SimpleNamespace, folder: Path, *, threshold: float | None = 0.5) -> ReportData:
    rows = [fake.row("clip", "auc", 0.8, finding="Edema", attribute="sex", group=g) for g in "FM"]
    if threshold is not None:
        rows.append(fake.row("clip", "threshold", threshold, finding="Edema"))
    pd.DataFrame(rows, columns=fake.COLUMNS).to_csv(folder / "comparison.csv", index=False)
    scores = [
        {"image_id": name, "finding": "Edema", "label": label, "score": score, "sex": sex}
        for name, (sex, label, score) in ROWS.items()
    ]
    found = load_predictions(pd.DataFrame(scores), attributes=["sex"])
    return ReportData("t", read_table(folder / "comparison.csv"), predictions={"clip": found})


def _shade(data_uri: str) -> list[int]:
    picture = Image.open(io.BytesIO(base64.b64decode(data_uri.partition(",")[2])))
    return np.unique(np.asarray(picture)).tolist()


def test_the_positive_scored_lowest_below_the_threshold_is_shown_for_each_group(
    fake: SimpleNamespace, root: Path, tmp_path: Path
) -> None:
    sheet = missed_sheet(root, _data(fake, tmp_path))
    assert sheet is not None
    assert (sheet.attribute, sheet.columns, sheet.caption) == ("sex", ("Edema",), "Missed by CLIP")
    (women, (missed,)), (men, (none,)) = sheet.rows
    assert (women, men) == ("F", "M")
    assert none is None, "every man with the finding was flagged"
    assert missed is not None
    assert missed.description == "F, Edema, missed"
    assert _shade(missed.data_uri) == [SHADES["b"]]


def test_without_a_threshold_nothing_counts_as_missed(
    fake: SimpleNamespace, root: Path, tmp_path: Path
) -> None:
    sheet = missed_sheet(root, _data(fake, tmp_path, threshold=None))
    assert sheet is not None
    assert [images for _, images in sheet.rows] == [(None,), (None,)]


def test_without_predictions_or_groups_in_them_there_is_no_sheet(
    fake: SimpleNamespace, root: Path, tmp_path: Path
) -> None:
    data = _data(fake, tmp_path)
    assert missed_sheet(root, ReportData("t", data.metrics)) is None
    scores = pd.DataFrame({"image_id": ["a"], "finding": ["Edema"], "label": [1], "score": [0.1]})
    found = load_predictions(scores, attributes=[])
    assert missed_sheet(root, ReportData("t", data.metrics, predictions={"clip": found})) is None


def test_a_folder_without_a_manifest_of_images_is_refused(
    fake: SimpleNamespace, root: Path, tmp_path: Path
) -> None:
    data = _data(fake, tmp_path)
    pd.DataFrame({"image_id": ["a"]}).to_csv(root / "manifest.csv", index=False)
    for folder in (root, tmp_path / "nowhere"):
        with pytest.raises(DataError, match="no manifest with image_id and image_path"):
            missed_sheet(folder, data)


def _elsewhere(folder: Path, images: Path) -> Path:
    """A whole cohort that keeps its images in another folder, as an import without ``--copy`` leaves it."""
    table = pd.DataFrame({"image_id": list(ROWS), "image_path": [f"{name}.png" for name in ROWS]})
    table = table.assign(patient_id=table["image_id"], report="A film.", split="test", Edema=1)
    table["sex"] = [sex for sex, _, _ in ROWS.values()]
    info = CohortInfo(
        name="small",
        findings=["Edema"],
        attributes={"sex": ["F", "M"]},
        splits=["test"],
        image_root=str(images),
    )
    write_cohort(folder, info, table)
    return folder


def test_images_of_a_cohort_are_looked_for_where_it_says(
    fake: SimpleNamespace, root: Path, tmp_path: Path
) -> None:
    sheet = missed_sheet(_elsewhere(tmp_path / "imported", root), _data(fake, tmp_path))
    assert sheet is not None
    missed = sheet.rows[0][1][0]
    assert missed is not None
    assert _shade(missed.data_uri) == [SHADES["b"]]


def test_sixteen_bits_are_shown_as_dark_as_evaluation_reads_them(
    fake: SimpleNamespace, root: Path, tmp_path: Path
) -> None:
    Image.fromarray(np.full((8, 8), 257 * 90, dtype=np.uint16)).save(root / "b.png")
    sheet = missed_sheet(root, _data(fake, tmp_path))
    assert sheet is not None
    missed = sheet.rows[0][1][0]
    assert missed is not None
    assert _shade(missed.data_uri) == [90]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b"no image at all"), "image not readable"),
        (lambda path: path.unlink(), "image not found"),
    ],
)
def test_a_missed_image_that_cannot_be_shown_is_told_from_none(
    fake: SimpleNamespace, root: Path, tmp_path: Path, spoil, said: str
) -> None:
    spoil(root / "b.png")
    data = _data(fake, tmp_path)
    sheet = missed_sheet(root, data)
    assert sheet is not None
    (_, (missed,)), (_, (none,)) = sheet.rows
    assert missed is not None
    assert (missed.data_uri, missed.fault, none) == ("", said, None)
    page = render(ReportData("t", data.metrics, missed=sheet))
    assert f"<td>{said}</td>" in page
    assert page.count("<td>none</td>") == 1
