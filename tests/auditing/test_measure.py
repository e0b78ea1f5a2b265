"""One table measured once: replicates, jackknife, strata of the bootstrap, counts of patients."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from adfair import metrics
from adfair.auditing import load_predictions
from adfair.auditing.measure import Measured, _jackknife_units, _strata, measure
from adfair.auditing.settings import Settings
from adfair.auditing.statistics import INDEX

Maker = Callable[..., pd.DataFrame]


def measured(frame: pd.DataFrame, **options: object) -> Measured:
    predictions = load_predictions(frame, attributes=["race", "sex"])
    settings = Settings(**{"replicates": 0, "threads": 1} | options)
    return measure(predictions, np.full(len(predictions.findings), 0.5), settings)


def test_the_observed_table_does_not_depend_on_the_resampling(table: Maker) -> None:
    frame = table(80)
    plain, resampled = (
        measured(frame),
        measured(frame, replicates=10, interval="bca", stratified=True, seed=4),
    )
    assert plain.values.shape[0] == 1
    assert resampled.values.shape[0] == 11
    assert plain.jackknife.shape == (0, *plain.values.shape[1:])
    np.testing.assert_array_equal(plain.observed, resampled.observed)


@pytest.mark.parametrize("stratified", [False, True])
def test_the_jackknife_leaves_out_each_patient_once(table: Maker, stratified: bool) -> None:
    frame = table(60, findings=1)
    got = measured(frame, interval="bca", stratified=stratified).jackknife[:, 0, 0, INDEX["auc"]]
    rest = [frame[frame["patient_id"] != p] for p in frame["patient_id"].unique()]
    expected = [metrics.auc(part["label"], part["score"]) for part in rest]
    np.testing.assert_allclose(np.sort(got), np.sort(expected), atol=1e-12)


def test_stratified_units_put_the_patients_of_a_profile_side_by_side(table: Maker) -> None:
    frame = table(100)
    frame.loc[frame["patient_id"].isin(["p4", "p9"]), "race"] = ""
    predictions = load_predictions(frame, attributes=["race", "sex"])
    unit, offsets = _strata(predictions, Settings(stratified=True))
    assert len(set(zip(unit.tolist(), predictions.patient.tolist(), strict=True))) == predictions.patients
    stratum = np.searchsorted(offsets, unit, side="right") - 1
    profile = [tuple(a.codes[i] for a in predictions.attributes) for i in range(predictions.images)]
    assert len(set(zip(stratum.tolist(), profile, strict=True))) == len(offsets) - 1 == len(set(profile))
    sizes = np.bincount(stratum) // 2  # two images a patient
    np.testing.assert_array_equal(np.diff(offsets), sizes)


def test_a_patient_whose_group_changes_is_in_the_stratum_of_the_highest() -> None:
    frame = pd.DataFrame({"patient_id": list("ppqr"), "label": [0, 1, 0, 1], "score": 0.5, "g": list("yxxy")})
    predictions = load_predictions(frame, attributes=["g"])
    unit, offsets = _strata(predictions, Settings(stratified=True))
    assert offsets.tolist() == [0, 1, 3]
    assert unit.tolist() == [1, 1, 0, 2]


def test_columns_are_the_known_groups_of_one_attribute(table: Maker) -> None:
    frame = table(60)
    frame.loc[frame["patient_id"] == "p0", "race"] = ""
    got = measured(frame)
    assert [got.cells[c].group for c in got.columns("race")] == ["A", "B", "C"]
    assert [got.cells[c].group for c in got.columns("race", known=False)] == ["Unknown"]
    assert [got.cells[c].group for c in got.columns("sex")] == ["F", "M"]


def test_patients_of_a_cell_are_counted_once(table: Maker) -> None:
    frame = table(60, per_patient=3)
    got = measured(frame)
    for c in (0, *got.columns("race")):
        rows = frame if c == 0 else frame[frame["race"] == got.cells[c].group]
        assert got.patients_in[c] == rows["patient_id"].nunique()


def test_of_many_patients_five_thousand_are_left_out() -> None:
    assert _jackknife_units(5000, 0).tolist() == list(range(5000))
    chosen = _jackknife_units(6000, 0)
    assert len(chosen) == len(set(chosen)) == 5000
    assert chosen.max() < 6000
    np.testing.assert_array_equal(chosen, _jackknife_units(6000, 0))
    assert (chosen != _jackknife_units(6000, 1)).any()
