"""Where a model's scores stand, and what of them is read."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adfair.errors import DataError
from adfair.reporting.scores import model_folder, read_embeddings, read_predictions, sha256


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_model_is_found_in_a_folder_of_its_name_before_the_evaluation_s_own(tmp_path: Path) -> None:
    assert model_folder(tmp_path, "clip") is None
    _touch(tmp_path / "metrics.csv", tmp_path / "predictions.csv")
    assert model_folder(tmp_path, "clip") == tmp_path
    _touch(tmp_path / "clip" / "predictions.csv")
    assert model_folder(tmp_path, "clip") == tmp_path / "clip"


def test_predictions_beside_a_comparison_belong_to_no_single_model(tmp_path: Path) -> None:
    _touch(*(tmp_path / name for name in ("metrics.csv", "comparison.csv", "predictions.csv")))
    assert model_folder(tmp_path, "clip") is None


def test_a_model_s_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    _touch(tmp_path / "secret" / "predictions.csv")
    (tmp_path / "results").mkdir()
    assert model_folder(tmp_path / "results", "../secret") is None


def test_attributes_that_the_table_lacks_are_left_out(tmp_path: Path) -> None:
    rows = {
        "image_id": ["a", "b"],
        "finding": "Edema",
        "label": [0, 1],
        "score": [0.1, 0.9],
        "sex": ["F", "M"],
    }
    pd.DataFrame(rows).to_csv(tmp_path / "predictions.csv", index=False)
    found = read_predictions(tmp_path / "predictions.csv", {"race": ["A", "B"], "sex": ["F", "M"]})
    assert [attribute.name for attribute in found.attributes] == ["sex"]
    assert found.scores[:, 0].tolist() == [0.1, 0.9]


def test_ages_are_cut_where_the_audit_cut_them(tmp_path: Path) -> None:
    ages = np.arange(20, 90)
    rows = {"image_id": ages, "finding": "Edema", "label": ages % 2, "score": ages / 100, "age": ages}
    pd.DataFrame(rows).to_csv(tmp_path / "predictions.csv", index=False)
    found = read_predictions(tmp_path / "predictions.csv", {"age": ["<40", "40-60", ">=60", "Unknown"]})
    (age,) = found.attributes
    assert age.groups == ("<40", "40-60", ">=60")
    np.testing.assert_array_equal(age.codes, np.digitize(ages, [40, 60]))


def test_a_table_that_holds_the_bins_names_is_read_as_it_stands(tmp_path: Path) -> None:
    ages = ["<40", ">=60", "40-60", "Unknown"]
    rows = {"image_id": range(4), "finding": "Edema", "label": [0, 1, 0, 1], "score": 0.5, "age": ages}
    pd.DataFrame(rows).to_csv(tmp_path / "predictions.csv", index=False)
    found = read_predictions(tmp_path / "predictions.csv", {"age": ["<40", "40-60", ">=60", "Unknown"]})
    (age,) = found.attributes
    assert [age.groups[code] if code >= 0 else "Unknown" for code in age.codes] == ages


def test_embeddings_come_with_their_ids_as_text(tmp_path: Path) -> None:
    assert read_embeddings(tmp_path) is None
    np.savez(tmp_path / "embeddings.npz", image_id=np.array([7, 8]), image_emb=np.eye(2, 3, dtype=np.float16))
    found = read_embeddings(tmp_path)
    assert found is not None
    ids, emb = found
    assert ids.tolist() == ["7", "8"]
    assert emb.dtype == float
    np.testing.assert_array_equal(emb, np.eye(2, 3))


@pytest.mark.parametrize("held", [{"image_id": [1]}, {"image_id": [1], "image_emb": [[0.0], [1.0]]}])
def test_embeddings_that_fit_no_ids_are_refused_with_their_file(
    tmp_path: Path, held: dict[str, list[object]]
) -> None:
    np.savez(tmp_path / "embeddings.npz", **{name: np.array(value) for name, value in held.items()})
    with pytest.raises(DataError, match=r"embeddings\.npz"):
        read_embeddings(tmp_path)


def test_the_hash_is_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\r\n")
    assert sha256(tmp_path / "x.csv") == hashlib.sha256(b"a,b\r\n").hexdigest()
