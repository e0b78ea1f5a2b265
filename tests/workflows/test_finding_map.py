from pathlib import Path

import numpy as np
import pytest

from adfair.data.manifest import Cohort, load_cohort
from adfair.errors import DataError
from adfair.workflows.finding_map import on_common_names, read_finding_map


@pytest.fixture(scope="module")
def cohort(small_cohort: Path) -> Cohort:
    return load_cohort(small_cohort)


def test_names_and_lists(cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("Edema: Edema\nConsolidation: [Consolidation, Atelectasis]\n")
    found = read_finding_map(tmp_path / "m.yaml", cohort, cohort)
    assert found == {"Edema": ("Edema",), "Consolidation": ("Consolidation", "Atelectasis")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Oedema: Edema", "no finding 'Oedema'"),
        ("Edema: Oedema", "no finding 'Oedema'"),
        ("Edema: []", "nothing"),
        ("- Edema", "no findings"),
        ("", "no findings"),
        ("a: b: c", "YAML"),
    ],
)
def test_mistakes_are_named(text: str, message: str, cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(DataError, match=message):
        read_finding_map(tmp_path / "m.yaml", cohort, cohort)


def test_a_map_in_python_is_checked_as_a_file_is(cohort: Cohort) -> None:
    found = read_finding_map({"Edema": ("Edema", "Atelectasis")}, cohort, cohort)
    assert found == {"Edema": ("Edema", "Atelectasis")}
    with pytest.raises(DataError, match="no findings"):
        read_finding_map({}, cohort, cohort)


def test_any_of_several_columns(cohort: Cohort) -> None:
    values = np.array([[1, 0], [0, 0], [-1, 0], [np.nan, 0], [np.nan, 1]])
    part = cohort.table.head(5).assign(Edema=values[:, 0], Cardiomegaly=values[:, 1])
    small = Cohort(cohort.root, cohort.info, part)
    made = on_common_names(small, {"Both": ("Edema", "Cardiomegaly"), "Cardiomegaly": ("Edema",)})
    np.testing.assert_array_equal(made.table["Both"], [1, 0, -1, np.nan, 1])
    np.testing.assert_array_equal(made.table["Cardiomegaly"], values[:, 0])
    assert made.info.findings == ["Both", "Cardiomegaly"]
    assert "Atelectasis" not in made.table
