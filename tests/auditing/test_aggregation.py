"""Pooling images to patients or studies."""

import numpy as np
import pandas as pd
import pytest

from adfair import audit, metrics
from adfair.auditing.aggregation import aggregate_images
from adfair.errors import ConfigError, DataError

FRAME = pd.DataFrame(
    {
        "image_id": list("abcdef"),
        "patient_id": ["p", "p", "q", "q", "r", "s"],
        "study_id": [1, 2, 3, 3, 4, 5],
        "label": [0, 1, 0, -1, 1, 0],
        "score": [0.2, 0.6, 0.1, 0.9, 0.7, 0.3],
        "sex": ["F", "F", "M", "M", "F", "M"],
        "view": ["AP", "PA", "AP", "AP", "PA", "PA"],
    }
)


@pytest.mark.parametrize(("pooling", "score"), [("max", 0.6), ("mean", 0.4)])
def test_patients_get_one_row(pooling: str, score: float) -> None:
    got = aggregate_images(FRAME, pooling=pooling).set_index("patient_id")
    assert got["label"].tolist() == [1, 0, 1, 0]
    assert got.loc["p", "score"] == pytest.approx(score)
    assert got.loc["q", "score"] == pytest.approx(0.1)
    assert pd.isna(got.loc["p", "view"])
    assert got.loc["q", "view"] == "AP"
    assert got["sex"].tolist() == ["F", "M", "F", "M"]


def test_studies_keep_their_patient() -> None:
    got = aggregate_images(FRAME, pooling="max", level="study")
    assert len(got) == 5
    assert got["patient_id"].tolist() == ["p", "p", "q", "r", "s"]


def test_aggregated_audit_equals_the_metric_of_the_pooled_table() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"patient_id": np.repeat(np.arange(50), 3), "label": rng.integers(0, 2, 150)})
    frame["score"] = rng.random(150)
    frame["image_id"] = np.arange(150)
    frame["sex"] = np.repeat(rng.choice(["F", "M"], 50), 3)
    result = audit(frame, aggregate="mean", replicates=0)
    pooled = frame.groupby("patient_id").agg({"label": "max", "score": "mean"})
    assert result.facts["images"] == 50
    assert result.value("auc") == pytest.approx(metrics.auc(pooled["label"], pooled["score"]), abs=1e-12)


def test_long_tables_are_pooled_by_finding() -> None:
    long = pd.concat([FRAME.assign(finding="x"), FRAME.assign(finding="y", score=FRAME["score"] / 2)])
    got = aggregate_images(long, pooling="max")
    assert len(got) == 8
    assert got[got["finding"] == "y"]["score"].max() == pytest.approx(0.35)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(DataError, match="column 'patient_id'"):
        aggregate_images(FRAME.drop(columns="patient_id"), pooling="max")
    with pytest.raises(ConfigError, match="use max or mean"):
        aggregate_images(FRAME, pooling="median")


def test_rows_without_a_key_and_repeated_rows_are_refused() -> None:
    frame = pd.DataFrame(
        {
            "image_id": list("abc"),
            "patient_id": ["p", "p", None],
            "label": [0, 1, 1],
            "score": [0.1, 0.2, 0.3],
        }
    )
    with pytest.raises(DataError, match="row 3, column 'patient_id'"):
        aggregate_images(frame, pooling="max")
    with pytest.raises(
        DataError, match="row 2, column 'image_id': this image and finding already have a row"
    ):
        aggregate_images(frame.assign(patient_id="p", image_id=list("aab")), pooling="max")


def test_ages_of_one_bin_agree_and_those_of_two_are_counted() -> None:
    patients = np.repeat(np.arange(60), 2)
    frame = pd.DataFrame({"patient_id": patients, "image_id": np.arange(120), "label": patients % 2})
    frame["score"] = np.random.default_rng(0).random(120)
    frame["age"] = np.where(patients < 30, 35.0, 70.0) + np.arange(120) % 2  # two films a year apart
    frame.loc[[0, 1], "age"] = [59, 60]
    result = audit(frame, aggregate="max", bins={"age": [40, 60]}, replicates=0)
    groups = result.table[(result.table["metric"] == "auc") & (result.table["finding"] == "label")]
    sizes = groups.set_index("group")["n"]
    assert sizes[["<40", ">=60", "Unknown"]].tolist() == [29, 30, 1]
    assert [note for note in result.notes if "differ" in note] == [
        "1 patients have images that differ in 'age': unknown there"
    ]
    quiet = audit(frame, aggregate="max", bins={"age": [40, 60]}, replicates=0, suppress_small=True)
    assert "some patients have images that differ in 'age': unknown there" in quiet.notes


def test_labels_that_are_not_pooled_are_counted() -> None:
    frame = pd.DataFrame(
        {"patient_id": list("aabb"), "image_id": range(4), "label": [1, -1, -1, None], "score": 0.5}
    )
    result = audit(frame.assign(score=[0.1, 0.2, 0.3, 0.4]), aggregate="max", replicates=0)
    assert "3 image-findings with an empty or uncertain (-1) label were not pooled" in result.notes
    assert any(note.startswith("1 patient-findings") for note in result.notes)
