"""A small valid cohort, and ways to spoil it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from adfair.data.manifest import Cohort, write_cohort
from adfair.data.schema import CohortInfo

FINDINGS = ["Edema", "No Finding"]
ATTRIBUTES = {"sex": ["F", "M"], "race": ["Asian", "Black", "White"]}


@pytest.fixture
def info() -> CohortInfo:
    return CohortInfo(
        name="small", findings=FINDINGS, attributes=ATTRIBUTES, splits=["train", "val", "test", "test_b"]
    )


@pytest.fixture
def table() -> pd.DataFrame:
    """12 images of 6 patients, two each; every kind of cell occurs."""
    n = 12
    return pd.DataFrame(
        {
            "image_id": [f"i{i}" for i in range(n)],
            "patient_id": [f"p{i // 2}" for i in range(n)],
            "study_id": [f"s{i}" for i in range(n)],
            "image_path": [f"images/{i}.png" for i in range(n)],
            "report": [f'Text {i}, with "quotes", a comma\nand a second line.' for i in range(n)],
            "split": ["train"] * 6 + ["val"] * 2 + ["test"] * 4,
            "view": ["AP", "PA"] * 6,
            "age": [30 + i for i in range(n - 1)] + [np.nan],
            "sex": ["F", "M", "", "Unknown"] * 3,
            "race": ["Asian", "Black", "White"] * 4,
            "Edema": [1, 0, -1, np.nan] * 3,
            "No Finding": [0, 1, 0, 1] * 3,
        }
    )


@pytest.fixture
def cohort(tmp_path: Path, info: CohortInfo, table: pd.DataFrame) -> Cohort:
    """The table written as a cohort with 8 x 8 px images whose grey level is the row."""
    root = tmp_path / "cohort"
    (root / "images").mkdir(parents=True)
    for i in range(len(table)):
        Image.fromarray(np.full((8, 8), i, dtype=np.uint8)).save(root / "images" / f"{i}.png")
    return write_cohort(root, info, table)


@pytest.fixture
def spoil(cohort: Cohort) -> Callable[..., Path]:
    """Change one cell of the manifest on disk, as an editor would; returns the cohort folder."""

    def change(*, row: int, column: str, cell: str) -> Path:
        file = cohort.root / "manifest.csv"
        cells = pd.read_csv(file, dtype=str, keep_default_na=False)
        cells.loc[row - 1, column] = cell
        cells.to_csv(file, index=False)
        return cohort.root

    return change


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, to prove that nothing was written."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def unchanged(tmp_path: Path) -> Callable[[], None]:
    """Call before and after: the second call fails when a file below tmp_path changed or appeared."""
    seen: list[dict[str, bytes]] = []

    def compare() -> None:
        seen.append(snapshot(tmp_path))
        assert seen[0] == seen[-1]

    return compare
