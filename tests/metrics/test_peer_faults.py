"""Faults found in the code of other fairness tools, each shown not to be ours."""

import numpy as np
import pandas as pd
import pytest

from adfair import audit
from adfair import metrics as m
from adfair.auditing import load_predictions


def test_constant_predictor_has_no_parity_gap() -> None:
    # FairCLIP passes (prediction, truth) swapped, so a constant predictor seems to discriminate.
    rng = np.random.default_rng(0)
    y, a = rng.integers(0, 2, 300), rng.integers(0, 3, 300)
    ones = np.ones(300, dtype=int)
    assert m.demographic_parity_difference(y, ones, sensitive_features=a) == 0
    assert m.equalized_odds_difference(y, ones, sensitive_features=a) == 0


def test_equal_opportunity_is_the_tpr_gap() -> None:
    # MEDFAIR's EqOpp1 is the FPR gap and EqOpp0 the TPR gap.
    y = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    p = np.array([1, 1, 1, 1, 1, 0, 1, 1])
    a = np.repeat(["x", "y"], 4)
    assert m.equal_opportunity_difference(y, p, sensitive_features=a) == 0.5
    assert m.equalized_odds_difference_mean(y, p, sensitive_features=a) == 0.25


def test_threshold_is_chosen_and_applied_by_the_same_comparison() -> None:
    # MEDFAIR and FairMedFM choose with >= and apply >: best-F1 0.6 would then find half of the positives.
    s, y = np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 1])
    threshold = m.choose_threshold(y, s, rule="f1")
    assert threshold == 0.6
    assert m.rates(y, m.apply_threshold(s, threshold))["tpr"] == 1.0


@pytest.mark.parametrize("target", [0.5, 0.7, 0.8, 0.9, 0.95])
def test_each_sensitivity_and_specificity_target_is_its_own(target: float) -> None:
    # CXR_Fairness binds its loop variable late, so every sensitivity-at-specificity is computed at 0.9.
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 4000)
    s = rng.normal(size=4000) + y
    for name, rate in (("sensitivity", "tpr"), ("specificity", "tnr")):
        reached = m.rates(y, m.apply_threshold(s, m.choose_threshold(y, s, rule=f"{name}={target}")))[rate]
        assert target <= reached < target + 0.002


def test_bootstrap_draws_patients_and_not_images() -> None:
    # CXR_Fairness resamples image rows: copies of an image would then narrow the interval.
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 200)
    s = rng.normal(size=200) + y
    once = pd.DataFrame({"patient_id": np.arange(200), "label": y, "score": s})
    copied = pd.concat([once] * 9, ignore_index=True)
    rows = [audit(t, replicates=400, interval="percentile").table for t in (once, copied)]
    low, high = (t[(t.metric == "auc") & (t.finding == "label")][["ci_low", "ci_high"]] for t in rows)
    assert low.shape == (1, 2)
    assert np.isfinite(low).all(axis=None)
    np.testing.assert_allclose(low.to_numpy(), high.to_numpy(), atol=1e-12)


def test_undefined_rate_is_not_zero() -> None:
    # torchmetrics and fairlearn turn an undefined rate into 0, which here would be a perfect score.
    y, p = np.array([0, 0, 0, 1, 0, 1]), np.array([0, 1, 0, 1, 0, 0])
    a = np.array(["x", "x", "x", "y", "y", "y"])
    assert np.isnan(m.group_rates(y, p, sensitive_features=a)["x"]["tpr"])
    assert np.isnan(m.equal_opportunity_difference(y, p, sensitive_features=a))
    table = audit(pd.DataFrame({"label": y, "score": p, "a": a}), replicates=20).table
    row = table[(table.metric == "tpr") & (table.group == "x") & (table.finding == "label")].iloc[0]
    assert np.isnan(row.value)
    assert row.note.startswith("undefined: no positives")


def test_equity_scaling_divides_by_sums_of_absolute_differences() -> None:
    # FairMedFM's segmentation "es" divides by 1 + the standard deviation instead.
    assert m.equity_scaled(0.8, [0.9, 0.7]) == pytest.approx(0.8 / 1.2, abs=1e-15)
    # The README of FairCLIP's 2025 checkpoints: its group AUCs' sum of deviations follows from its ES-AUC.
    assert m.equity_scaled(0.6902, [0.6902 + 0.0339, 0.6902 - 0.0339]) == pytest.approx(0.6464, abs=5e-4)


def test_rows_with_one_unknown_attribute_stay_in_the_other_audits() -> None:
    # FairCLIP drops every row in which any attribute is unknown.
    frame = pd.DataFrame(
        {
            "label": [0, 1] * 20,
            "score": np.linspace(0, 1, 40),
            "race": ["A", "B", "", "Unknown"] * 10,
            "sex": ["F", "F", "M", "M"] * 10,
        }
    )
    table = audit(frame, replicates=0).table
    n = table[(table.metric == "auc") & (table.finding == "label")].set_index(["attribute", "group"])["n"]
    assert n["", ""] == 40
    assert (n["sex", "F"], n["sex", "M"]) == (20, 20)
    assert (n["race", "A"], n["race", "B"], n["race", "Unknown"]) == (10, 10, 20)


def test_unknown_is_no_group_of_any_gap() -> None:
    frame = pd.DataFrame({"label": [0, 1] * 30, "score": [0.2, 0.8] * 20 + [0.8, 0.2] * 10})
    frame["race"] = ["A"] * 20 + ["B"] * 20 + ["unknown"] * 20
    assert load_predictions(frame).attributes[0].groups == ("A", "B")
    result = audit(frame, replicates=0)
    assert result.value("auc", attribute="race", group="Unknown") == 0.0
    assert result.value("auc_gap", attribute="race") == 0.0
